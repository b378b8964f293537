"""Thousands of histories of ``tests/crash/test_model.py``."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.crash.test_model import Cycle, histories, live_through

HISTORIES = 3_000


@pytest.mark.timeout(7200)
@settings(max_examples=HISTORIES)
@given(history=histories)
@pytest.mark.parametrize("target_like", ["objects", "hdfs", "files", "local"])
def test_after_any_of_thousands_of_histories_the_target_is_what_the_model_says(
    target_like: str, history: list[Cycle], tmp_path_factory: pytest.TempPathFactory
) -> None:
    live_through(history, target_like, tmp_path_factory.getbasetemp())
