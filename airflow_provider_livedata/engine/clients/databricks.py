"""Statements for Databricks: sent by whoever holds the connection, errors told apart here, calls counted.

what the sender raises as LiveDataError        passes; MetastoreUnreachable and MetastoreBusy are tried again
..._ALREADY_EXISTS, ..._NOT_FOUND              ObjectExists, ObjectMissing       by the class that Databricks puts before its message
anything else                                  MetastoreRefused, with Databricks's own words
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from airflow_provider_livedata.engine.errors import CatalogueError, MetastoreRefused, ObjectExists, ObjectMissing
from airflow_provider_livedata.engine.retry import DEFAULT_POLICY, RetryPolicy, retry

Row = Sequence[Any]
_CLASS = re.compile(r"\[([A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]")
_EXISTS = re.compile(r"_ALREADY_EXISTS?$|^LOCATION_OVERLAP$")
_MISSING = frozenset(
    {
        "TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "PARTITIONS_NOT_FOUND", "DELTA_TABLE_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE",
        "DELTA_PATH_DOES_NOT_EXIST", "PATH_NOT_FOUND",
    }
)  # fmt: skip
MOST_OF_MESSAGE = 1000


class Sender(Protocol):
    """Runs one statement at a time; ``name`` says where, without secrets."""

    name: str

    def run(self, statement: str) -> Sequence[Row]:
        """The rows that it answers.

        Raises:
            MetastoreUnreachable: No answer; whether it took place is unknown.
            MetastoreBusy: Too much is asked at this moment.
            MetastoreRefused: It failed; the message is that of Databricks.
        """

    def close(self) -> None:
        """Let go of the connection. Idempotent."""


class DatabricksClient:
    """``told``: where statements that change something are kept in place of being sent."""

    def __init__(self, sender: Sender, policy: RetryPolicy = DEFAULT_POLICY, *, told: list[str] | None = None) -> None:
        self.sender, self.policy, self.told = sender, policy, told
        self.calls: Counter[str] = Counter()

    def rows(self, statement: str) -> Sequence[Row]:
        """What a statement that changes nothing answers."""
        return retry(lambda: self._sent(statement), self.policy)

    def change(self, statement: str) -> None:
        """Send a statement that changes something; each of ours may be repeated."""
        if self.told is not None:
            self.told.append(statement)
            return
        retry(lambda: self._sent(statement), self.policy)

    def _sent(self, statement: str) -> Sequence[Row]:
        self.calls[" ".join(statement.split()[:2]).lower()] += 1
        try:
            return self.sender.run(statement)
        except MetastoreRefused as error:
            raise meaning(str(error.args[0]), statement) from None


def meaning(message: str, statement: str) -> CatalogueError:
    """What a message of Databricks means."""
    found = _CLASS.search(message)
    code = found[1] if found else ""
    kinds: list[type[CatalogueError]] = [ObjectExists] if _EXISTS.search(code) else []
    kinds += [ObjectMissing] if code.partition(".")[0] in _MISSING else []
    kind = kinds[0] if kinds else MetastoreRefused
    return kind(message[:MOST_OF_MESSAGE], statement=statement[:MOST_OF_MESSAGE], code=code)
