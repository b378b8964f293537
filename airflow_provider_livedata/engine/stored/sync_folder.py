"""What a sync remembers, and plans and reports of its runs, in a folder below ``.livedata`` of the place that keeps its state.

.livedata/<folder>/state.json               where it stands
.livedata/<folder>/runs/<n>/plan.jsonl      the steps, one JSON object a line
.livedata/<folder>/runs/<n>/report.json     how it ended
.livedata/<folder>/dry/<ms>/...             the same of a dry run
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.told import Told

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KEPT_RUNS = 30
Standing = TypeVar("Standing", bound="DataclassInstance")


class _Asked(Protocol):
    """The options that the lease goes by."""

    @property
    def holder(self) -> str: ...
    @property
    def dry_run(self) -> bool: ...


class SyncFolder(Generic[Standing]):
    """The files of one sync, whose state is a dataclass ``kind``; ``folder`` is its place, and tells people what it is."""

    def __init__(self, state: StateFolder, folder: str, kind: type[Standing]) -> None:
        self.state, self.folder, self._kind = state, folder, kind

    def read(self) -> Standing | None:
        """The state that the last sync left, or None.

        Raises:
            StateDamaged: It is not what its writer left.
        """
        value = self.state.read_json(f"{self.folder}/state.json")
        if value is None:
            return None
        try:
            return self._kind(**value)
        except TypeError as error:
            raise StateDamaged(
                f"the state of a sync of {self.folder} is not as expected: {error}",
                file=self.state.address(self.folder),
            ) from error

    def write(self, value: Standing) -> None:
        """Replace the state."""
        self.state.write_json(f"{self.folder}/state.json", asdict(value))

    def held(self, stack: ExitStack, options: _Asked, times: LeaseTimes | None) -> Callable[[], None]:
        """Hold the lease until the stack ends, but for a dry run; what is returned says whether it is held still.

        Raises:
            TargetHeld: Another run holds it.
        """
        if options.dry_run:
            return lambda: None
        return stack.enter_context(Lease(self.state, holder_of(options), times=times)).check

    def next_run(self) -> int:
        """A number that no run has had."""
        return max(self._runs(), default=0) + 1

    def write_plan(self, where: str, lines: Iterable[dict[str, Any]]) -> tuple[str, str]:
        """Address and SHA-256 of the file that holds the steps."""
        data = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
        name = f"{self.folder}/{where}/plan.jsonl"
        self.state.write(name, data)
        return self.state.address(name), hashlib.sha256(data).hexdigest()

    def report_address(self, where: str) -> str:
        """Where the report of a run lies."""
        return self.state.address(f"{self.folder}/{where}/report.json")

    def write_report(self, where: str, report: Told) -> None:
        """Keep a report, which from then on knows its address and digest."""
        name = f"{self.folder}/{where}/report.json"
        self.state.write(name, report.seal(self.state.address(name)).encode())

    def tidy(self) -> None:
        """Remove all but the newest runs."""
        gone = set(sorted(self._runs())[:-KEPT_RUNS])
        if gone:
            self.state.remove(f"{self.folder}/runs", only=lambda name: _run_of(name) in gone)

    def _runs(self) -> set[int]:
        entries = self.state.files(f"{self.folder}/runs")
        return {number for entry in entries if (number := _run_of(entry.path)) is not None}


def _run_of(name: str) -> int | None:
    parts = name.split("/")
    return int(parts[2]) if len(parts) > 3 and parts[2].isdigit() else None
