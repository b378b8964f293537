"""Rows of tables: counted by the engine that reads them at the target, beside what the source has or tells. Reads alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from airflow_provider_livedata.engine.batches import batches
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.metastore.base import Catalogue
from airflow_provider_livedata.engine.metastore.compare import partitions_a_call
from airflow_provider_livedata.engine.metastore.model import Table

CountRows = Callable[[Table], int]  # by an engine; raises LiveDataError where it cannot


class Rows:
    """Counts tables on both sides. Without ``at_source`` the source's statistics tell, where the metastore says that they hold."""

    def __init__(self, source: Catalogue, at_target: CountRows, at_source: CountRows | None = None) -> None:
        self.at_target, self.at_source = at_target, at_source
        self.counted = 0
        self.notes: list[str] = []
        self._source = source

    def differences(self, theirs: Table, ours: Table) -> Iterator[str]:
        """What differs of a table, and why a count that was asked for is not there.

        Raises:
            LiveDataError: An engine does not answer; trying again may help.
        """
        name = theirs.full_name
        try:
            found = self.at_target(ours)
            wanted = self.at_source(theirs) if self.at_source else self._told(theirs)
        except LiveDataError as error:
            if error.retryable:
                raise
            yield f"rows of {name}: not counted: {error.args[0]}"
            return
        self.counted += 1
        if wanted is None:
            self.notes.append(f"rows of {name}: {found:,} at the target; the source does not tell how many it has")
        elif wanted != found:
            yield f"rows of {name}: {wanted:,} at the source, {found:,} at the target"

    def _told(self, table: Table) -> int | None:
        return told_rows(self._parameters(table))

    def _parameters(self, table: Table) -> Iterator[Mapping[str, str]]:
        if not table.partition_columns:
            yield table.parameters
            return
        for names in batches(self._source.partition_names(table), partitions_a_call(self._source, table)):
            yield from (one.parameters for one in self._source.partitions(table, names).values())


def told_rows(parameters: Iterable[Mapping[str, str]]) -> int | None:
    """The sum of rows that statistics tell of a table, or of all its partitions; None where one of them may be wrong. Pure.

    Source: Hive's ``StatsSetupConst``: ``numRows`` holds while ``COLUMN_STATS_ACCURATE`` says so of BASIC_STATS.
    """
    total = 0
    for one in parameters:
        count = one.get("numRows", "")
        if not count.isdecimal() or not _holds(one.get("COLUMN_STATS_ACCURATE", "")):
            return None
        total += int(count)
    return total


def _holds(accurate: str) -> bool:
    try:
        told = json.loads(accurate)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("BASIC_STATS") == "true"
