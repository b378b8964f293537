"""What ``hdfs snapshotDiff`` prints is read as it was meant, or refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import Unsupported
from airflow_provider_livedata.engine.model import Change
from airflow_provider_livedata.engine.zones.hdfs.diff_text import changes_in
from airflow_provider_livedata.testing.strategies import any_names, names

HEADER = "Difference between snapshot s1 and snapshot s2 under directory /data:"
LABELS = {"create": "+", "delete": "-", "modify": "M", "rename": "R"}


def printed(changes: Sequence[Change]) -> list[bytes]:
    """As Hadoop prints it."""
    lines = [HEADER]
    for change in changes:
        second = f" -> {shown(change.new_path)}" if change.kind == "rename" else ""
        lines.append(f"{LABELS[change.kind]}\t{shown(change.path)}{second}")
    return [f"{line}\n".encode() for line in "\n".join(lines).split("\n")]  # as a file of bytes is iterated


def shown(path: str) -> str:
    return f"./{path}" if path else "."


def changes(name: st.SearchStrategy[str]) -> st.SearchStrategy[Change]:
    path = st.lists(name, min_size=1, max_size=3).map("/".join)
    plain = st.builds(Change, st.sampled_from(["create", "delete", "modify"]), path, st.just(""))
    return plain | st.builds(Change, st.just("rename"), path, path) | st.just(Change("modify", ""))


def is_faithful(change: Change) -> bool:
    return not any(text in path for path in (change.path, change.new_path) for text in ("\n", "?", "\ufffd", " -> "))


@given(told=st.lists(changes(names()), max_size=8))
def test_what_is_printed_is_read_or_refused(told: list[Change]) -> None:
    lines = printed(told)
    if all(map(is_faithful, told)):
        assert list(changes_in(lines)) == told
    else:
        with pytest.raises(Unsupported):
            list(changes_in(lines))


@given(told=st.lists(changes(any_names()).filter(is_faithful), max_size=4))
def test_any_name_that_is_printed_faithfully_is_read(told: list[Change]) -> None:
    assert list(changes_in(printed(told))) == told


@given(noise=st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=5))
def test_lines_that_are_none_are_refused(noise: list[bytes]) -> None:
    forms = tuple(f"{label}\t.".encode() for label in LABELS.values())
    lines = [HEADER.encode(), *noise]
    if any(line and not line.startswith(forms) for line in noise):
        with pytest.raises(Unsupported):
            list(changes_in(lines))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("M\t./what?", "cannot print"),
        ("M\t./\ufffd", "cannot print"),
        ("R\t./a -> ./b -> ./c", "' -> '"),
        ("R\t./a", "' -> '"),
        ("second half of a name", "line break"),
        ("M\tnot below", "line break"),
        ("X\t./a", "line break"),
    ],
)
def test_what_may_mean_something_else_is_refused_and_named(line: str, why: str) -> None:
    with pytest.raises(Unsupported, match=why) as refused:
        list(changes_in([HEADER.encode(), line.encode()]))
    assert refused.value.where["line"] == line


def test_no_header_is_no_difference_and_what_stands_before_it_does_not_count() -> None:
    with pytest.raises(Unsupported, match="printed no difference"):
        list(changes_in([b"Usage: ...\n", b"\n"]))
    assert list(changes_in([b"WARNING: log4j\n", f"{HEADER}\n".encode(), b"M\t.\n", b"\n"])) == [Change("modify", "")]
    with pytest.raises(Unsupported, match="not UTF-8"):
        list(changes_in([HEADER.encode(), b"M\t./\xff"]))
