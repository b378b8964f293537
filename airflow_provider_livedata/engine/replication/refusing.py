"""What forbids a run by its two places and by what the target was made of, before anything is changed."""

from __future__ import annotations

from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.errors import FilterChanged, PathsOverlap
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.zones.address import Address


def refuse_overlap(source: Address, target: Address) -> None:
    """Each lies outside of the other.

    Raises:
        PathsOverlap: They do not.
    """
    if source.overlaps(target):
        raise PathsOverlap(
            "source and target are the same place or lie inside each other; choose two that do not",
            source=str(source),
            target=str(target),
        )


def refuse_another(source: Address, checkpoint: Checkpoint | None, options: ReplicateOptions) -> None:
    """The target is a copy of this source, made with these exclusions, or of nothing yet.

    Raises:
        FilterChanged: It is not.
    """
    if checkpoint is not None:
        _same_source(place_of(source), checkpoint)
        if not options.accept_new_filter:
            _same_filter(options.filter, checkpoint)


def _same_source(ours: str, checkpoint: Checkpoint) -> None:
    if checkpoint.source != ours:
        raise FilterChanged(
            "this target is a copy of another source; choose another target, or remove its .livedata "
            "folder and set foreign='replace' to start over",
            source=ours,
            copied_from=checkpoint.source,
        )


def _same_filter(chosen: Filter, checkpoint: Checkpoint) -> None:
    if checkpoint.filter_digest != chosen.digest:
        raise FilterChanged(
            "the exclusions differ from those that the target was made with; set accept_new_filter when that is meant",
            exclude=chosen.exclude,
            was=checkpoint.exclude,
        )
