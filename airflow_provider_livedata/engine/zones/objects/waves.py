"""Which entries may be deleted at the same time.

entries, in order  ->  waves that hold no directory together with what lies in it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.objects.listing import PAGE


def waves(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Cut entries so that no directory is in one wave with an earlier entry below it, and none exceeds a request."""
    wave: list[Entry] = []
    above: set[str] = set()  # directories around what is in the wave
    for entry in entries:
        if len(wave) == PAGE or (entry.kind == "directory" and entry.path in above):
            yield wave
            wave, above = [], set()
        wave.append(entry)
        parent = entry.path
        while (parent := parent.rpartition("/")[0]) and parent not in above:
            above.add(parent)
    if wave:
        yield wave
