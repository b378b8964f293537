"""Stop a plan that does what nobody can have meant, by its totals. Pure: no I/O, no clock, no zone."""

from __future__ import annotations

from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import CannotHold, SourceEmpty, TargetTouched, TooManyDeletes


def guard(totals: Totals, policy: Policy) -> None:
    """Stop the plan before anything is changed.

    Raises:
        CannotHold, TargetTouched, SourceEmpty, TooManyDeletes: each says how to go on.
    """
    _all_can_be_held(totals, policy)
    _all_is_ours(totals, policy)
    _source_holds_something(totals, policy)
    _most_files_stay(totals, policy)


def _all_can_be_held(totals: Totals, policy: Policy) -> None:
    if totals.unholdable and not policy.skip_unholdable:
        raise CannotHold(
            "the target cannot hold some entries of the source; rename them, exclude them, or set skip_unholdable to go "
            "on without them",
            count=totals.unholdable,
            examples=totals.unholdable_examples,
        )


def _all_is_ours(totals: Totals, policy: Policy) -> None:
    if totals.foreign and policy.foreign != "replace":
        raise TargetTouched(
            "the target holds paths that this replication did not write; move them away, or set foreign='replace' to "
            "overwrite and delete them, or foreign='keep' to leave alone those that are not in the way",
            count=totals.foreign,
            examples=totals.foreign_examples,
        )


def _source_holds_something(totals: Totals, policy: Policy) -> None:
    is_empty = not (totals.source_files or totals.unseen_files or totals.unlisted)
    if totals.delete_files and is_empty and policy.max_delete_ratio < 1:
        raise SourceEmpty(
            "the source holds no file while the target does; when that is meant, run again with max_delete_ratio=1",
            would_delete=totals.delete_files,
        )


def _most_files_stay(totals: Totals, policy: Policy) -> None:
    held = totals.target_files + totals.unseen_files
    if held and totals.delete_files / held > policy.max_delete_ratio:
        raise TooManyDeletes(
            f"{totals.delete_files} of {held} files of the target would be deleted, more than "
            f"max_delete_ratio {policy.max_delete_ratio:g} allows; when that is meant, run again with a higher max_delete_ratio",
            delete_files=totals.delete_files,
            target_files=held,
        )
