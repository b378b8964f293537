"""Secrets come from connections and reach no log, no report, no manifest and no error."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.stored.state import StateFolder
from tests.services.s3 import S3Server
from tests.system.conftest import Place, s3_place, write

pytestmark = pytest.mark.system


class Kept(logging.Handler):
    """Keeps what anybody logs, at any level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, with what a formatter would add."""
        self.said.append(f"{record.getMessage()} {record.args} {record.exc_info}")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """All that is logged from now on."""
    kept, root = Kept(), logging.getLogger()
    monkeypatch.setattr(root, "level", logging.DEBUG)
    monkeypatch.setattr(root, "handlers", [*root.handlers, kept])
    logging.getLogger("airflow_provider_livedata").manager._clear_cache()  # type: ignore[attr-defined]  # levels are cached
    return kept


def test_a_secret_reaches_nothing_that_a_run_writes_logs_returns_or_raises(
    s3_integrity: S3Server, source: Place, bucket: str, logged: Kept
) -> None:
    target = s3_place(s3_integrity, bucket)
    write(source, {"a": b"1", "b/c": b"2"})
    report = replicate(source.open(), target.open(), ReplicateOptions(preserve=frozenset({"mtime"})))
    found = verify(source.open(), target.open(), level="content")
    state = StateFolder(target.open())
    written = {name: state.read(name) or b"" for name in (entry.path for entry in state.files(""))}
    assert {name.partition("/")[0] for name in written} >= {"checkpoint", "lease", "manifest", "runs", "verify"}
    said = [
        *logged.said,
        report.table(),
        str(report.summary()),
        found.table(),
        str(found.summary()),
        repr(target.open()),
    ]
    assert len(logged.said) > 10
    assert [text for text in said if s3_integrity.secret_key in text] == []
    assert [name for name, data in written.items() if s3_integrity.secret_key.encode() in data] == []


def test_a_secret_that_is_refused_is_not_in_the_error(
    s3_integrity: S3Server, source: Place, bucket: str, logged: Kept
) -> None:
    write(source, {"a": b"1"})
    wrong = s3_place(s3_integrity, bucket, secret_access_key="not-the-right-secret")
    with pytest.raises(LiveDataError) as refused:
        replicate(source.open(), wrong.open())
    assert "credentials" in str(refused.value)
    for text in (str(refused.value), repr(refused.value), str(refused.value.where), *logged.said):
        assert "not-the-right-secret" not in text
