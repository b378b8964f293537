"""The same engine, for one process, without any proof of bytes: to measure what proving costs. Never used but by the bench.

Replaced: our CRCs of every part, file and state file by constants, and every checksum that is sent to an S3 store by nothing. What
HDFS proves by itself (its clients check each chunk that they read) stays, as it does in the tools that are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from airflow_provider_livedata.engine.model import Checksum
from airflow_provider_livedata.engine.stored import state
from airflow_provider_livedata.engine.transfer import copying, flight, landing, streaming
from airflow_provider_livedata.engine.zones.objects import parts
from airflow_provider_livedata.engine.zones.s3 import bucket as s3_bucket
from airflow_provider_livedata.engine.zones.s3 import clients as s3_clients
from airflow_provider_livedata.engine.zones.s3 import object as s3_object
from airflow_provider_livedata.engine.zones.s3 import stream as s3_stream
from airflow_provider_livedata.engine.zones.s3 import upload as s3_upload

NOTHING = Checksum(0, 0)


def unprove() -> None:
    """Take the proofs out of this process."""
    for module in (copying, flight, streaming, state, s3_object, s3_upload):
        _replace(module, "checksum_of", lambda _data, _before=NOTHING: NOTHING)
    for module in (landing, parts):
        _replace(module, "combine", _nothing)
    ask: Callable[..., Any] = s3_bucket.S3Bucket.ask

    def without(bucket: s3_bucket.S3Bucket, operation: str, path: str = "", **given: Any) -> Any:
        return ask(bucket, operation, path, **_unchecked(given))

    _replace(s3_bucket.S3Bucket, "ask", without)
    _unprove_streams()
    store: Callable[..., Any] = getattr(s3_clients, "S3Store")  # noqa: B009 - it is not the module's to give

    def unchecked(bucket: str, *, checksum_algorithm: str, **given: Any) -> Any:
        return store(bucket, **given)

    _replace(s3_clients, "S3Store", unchecked)


def _unprove_streams() -> None:
    ask: Callable[..., Any] = s3_bucket.S3Bucket.ask_with_stream

    def plain(bucket: s3_bucket.S3Bucket, path: str, announce: Any, **given: Any) -> Any:
        given.pop("ContentEncoding")
        return ask(bucket, path, announce, **given)

    _replace(s3_bucket.S3Bucket, "ask_with_stream", plain)
    _replace(s3_stream, "TrailedBody", _PlainBody)
    _replace(s3_stream, "announce_trailer", lambda *_, **__: None)


class _PlainBody(s3_stream.TrailedBody):
    """Bytes alone: no chunks, no trailer."""

    def __init__(self, size_bytes: int, *given: Any) -> None:
        super().__init__(size_bytes, *given)
        self.length = size_bytes

    def _framing(self) -> Iterator[bytes | memoryview]:
        return self._pieces


def _nothing(_parts: Iterable[Any]) -> Checksum:
    return NOTHING


def _unchecked(given: Any) -> Any:
    if isinstance(given, dict):
        return {name: _unchecked(value) for name, value in given.items() if not name.startswith("Checksum")}
    return [_unchecked(one) for one in given] if isinstance(given, list) else given


def _replace(owner: Any, name: str, value: object) -> None:
    if not hasattr(owner, name):
        raise AttributeError(f"{owner.__name__} has no {name} any more: change benchmarks/unproved.py")
    setattr(owner, name, value)
