"""Keeping two locations in step that are both written to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool, as_float, as_texts, options_from
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.two_way.options import TwoWayOptions
from airflow_provider_livedata.operators.base import LiveDataOperator, both, holder_in

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class LiveDataTwoWaySyncOperator(LiveDataOperator):
    """Give each of two locations what the other one changed since they last agreed, and settle conflicts by a policy.

    Conflicts that the policy ``fail`` leaves fail the task for good, at its end: everything else has been synced then. The result is the summary of
    ``engine.TwoWayReport``, with the first conflicts and how each was settled.

    Args:
        left: Address of one location, ``scheme://[conn_id@]authority/path``.
        right: Address of the other one.
        names: Of both, for ``prefer:``, reports and files kept beside others.
        conflicts: ``fail``, ``newest``, ``keep_both`` or ``prefer:<name>``.
        keep_conflicts: Days for which losers are kept below ``.livedata/conflicts``.
        keep_removed: Days for which what is deleted is kept below ``.livedata/removed``.
        start_over: Merge as by a first sync, which deletes nothing.
        options: Fields of ``engine.ReplicateOptions`` by name that a sync has too (exclude, bandwidth, max_delete_ratio, ...).
        dry_run: Write both plans and the conflicts, and change nothing else.
    """

    template_fields: Collection[str] = (
        "left", "right", "names", "conflicts", "keep_conflicts", "keep_removed", "start_over", "options", "is_dry_run",
    )  # fmt: skip
    template_fields_renderers: ClassVar[dict[str, str]] = {"options": "json"}

    def __init__(
        self, *, left: str, right: str, names: Sequence[str] | str = ("left", "right"), conflicts: str = "fail",
        keep_conflicts: float | str = 30, keep_removed: float | str = 7, start_over: bool | str = False,
        options: Mapping[str, Any] | None = None, dry_run: bool | str = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.left = left
        self.right = right
        self.names = names
        self.conflicts = conflicts
        self.keep_conflicts = keep_conflicts
        self.keep_removed = keep_removed
        self.start_over = start_over
        self.options = options or {}
        self.is_dry_run = dry_run

    def chosen(self, context: Context) -> TwoWayOptions:
        """The options, with this task as the holder of both leases."""
        how = options_from({"holder": holder_in(context), **self.options}, dry_run=as_bool(self.is_dry_run, "dry_run"))
        return TwoWayOptions(
            conflicts=self.conflicts,
            names=as_texts(self.names, "names"),  # type: ignore[arg-type]  # which checks that there are two
            keep_conflicts=as_float(self.keep_conflicts, "keep_conflicts"),
            keep_removed=as_float(self.keep_removed, "keep_removed"),
            start_over=as_bool(self.start_over, "start_over"),
            how=how,
        )

    def work(self, context: Context) -> dict[str, Any]:
        """See ``engine.two_way_sync``."""
        options = self.chosen(context)
        with both(self.left, self.right, options.how, "both ways") as (left, right):
            try:
                report = engine.two_way_sync(left, right, options)
            except LiveDataError as error:
                self._show(getattr(error, "report", None))
                raise
        self._show(report)
        return report.summary()

    def _show(self, report: Any) -> None:
        if report is not None:
            self.log.info("two-way sync\n%s", report.table())
