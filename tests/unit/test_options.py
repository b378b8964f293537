"""Options are checked when they are made, and the error names the option."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_livedata.engine import ReplicateOptions
from airflow_provider_livedata.engine.errors import BadOption


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exclude", "a,b"), ("exclude", ["ok", 3]), ("exclude", [""]), ("preserve", ["colour"]), ("foreign", "merge"),
        ("max_delete_ratio", 1.5), ("max_delete_ratio", "0.5"), ("threads", -1), ("threads", True), ("max_reads", -1), ("max_namenode_calls_per_s", -1),
        ("memory_mib", 1), ("bandwidth", "quick"),
    ],
)  # fmt: skip
def test_a_value_that_an_option_cannot_have_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(BadOption) as refused:
        ReplicateOptions(**{name: value})
    assert name in str(refused.value)


def test_lists_are_taken_as_they_come_from_json() -> None:
    options = ReplicateOptions(exclude=["x"], preserve=["mode"])  # type: ignore[arg-type]
    assert options.exclude == ("x",)
    assert options.preserve == {"mode"}
    assert options.filter.excludes("a/x")
