"""What holds of the parts of any upload before it becomes visible."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_livedata.engine.checksums import combine
from airflow_provider_livedata.engine.errors import BadInput, ChecksumMismatch
from airflow_provider_livedata.engine.model import Checksum, Part


def in_order(parts: Sequence[Part]) -> list[Part]:
    """The parts by their index."""
    return sorted(parts, key=lambda part: part.index)


def refuse_gaps(parts: Sequence[Part], size_bytes: int, path: str) -> None:
    """Raise BadInput unless the parts are all of the file, each once."""
    found = [part.index for part in in_order(parts)], sum(part.size_bytes for part in parts)
    if found != (list(range(len(parts))), size_bytes):
        raise BadInput("the parts are not all of the file, each once; send those that lack", path=path,
                       parts=len(parts), sent_bytes=found[1], size_bytes=size_bytes)  # fmt: skip


def refuse_others(parts: Sequence[Part], checksum: Checksum, path: str) -> None:
    """Raise ChecksumMismatch unless the parts' checksums make up the file's."""
    if combine(in_order(parts)) != checksum:
        raise ChecksumMismatch("the parts' checksums do not make up the file's; send them again", path=path)
