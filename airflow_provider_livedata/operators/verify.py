"""Proving that a target holds what its checkpoint says and what its source has."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool
from airflow_provider_livedata.engine.errors import VerifyFailed
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.operators.base import ReplicationOperator

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.verify_report import Level, VerifyReport
    from airflow_provider_livedata.engine.zones.base import Zone

SHOWN = 20


class LiveDataVerifyOperator(ReplicationOperator):
    """Compare a target with its manifest and its source; any difference fails the task for good.

    Args:
        level: ``listing`` (names, sizes), ``checksum`` (the target's own checksums) or ``content`` (both sides read).
        writers_at_work: The source has no snapshots and is being written to, so that files which changed since the
            copy are no failure. What the target itself lacks or holds wrongly always is.

    With ``dry_run`` nothing is compared: the result says what would be. Returns the report's address, digest and totals.
    """

    template_fields: Collection[str] = (*ReplicationOperator.template_fields, "level", "writers_at_work")
    limited_as = "read"

    def __init__(self, *, level: str = "checksum", writers_at_work: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.level = level
        self.writers_at_work = writers_at_work

    def between(self, source: Zone, target: Zone, options: ReplicateOptions) -> dict[str, Any]:
        """See ``engine.verify``."""
        report: VerifyReport = engine.verify(
            source, target, level=cast("Level", self.level), threads=options.threads, bandwidth=options.bandwidth,
            memory_mib=options.memory_mib, max_namenode_calls_per_s=options.max_namenode_calls_per_s, dry_run=options.dry_run,
        )  # fmt: skip
        if options.dry_run:
            self.log.info("verification\n%s", report.table())
            return report.summary()
        is_good = report.is_intact if as_bool(self.writers_at_work, "writers_at_work") else report.is_same
        if not is_good:
            raise verify_failed(
                report, "source and target differ; repair the target by another copy, or find out who changed it"
            )
        return report.summary()


def verify_failed(report: VerifyReport, what_to_do: str) -> VerifyFailed:
    """The error of a verification that found differences; it names the first ones."""
    found = [f"{one.kind}: {one.path}" for one in report.differences[:SHOWN]]
    error = VerifyFailed(what_to_do, differences=report.difference_count, first=found, report=report.address)
    error.report = report
    return error
