"""Thousands of histories of ``tests/crash/test_model.py`` and ``tests/crash/test_lost_source.py``."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings

from tests.crash.test_lost_source import Death, consistencies, deaths, first_operations, lose_the_source
from tests.crash.test_model import Cycle, Operation, histories, live_through

HISTORIES = 3_000


@pytest.mark.timeout(7200)
@settings(max_examples=HISTORIES)
@given(history=histories)
@pytest.mark.parametrize("target_like", ["objects", "hdfs", "files", "local"])
def test_after_any_of_thousands_of_histories_the_target_is_what_the_model_says(
    target_like: str, history: list[Cycle], tmp_path_factory: pytest.TempPathFactory
) -> None:
    live_through(history, target_like, tmp_path_factory.getbasetemp())


@pytest.mark.timeout(7200)
@settings(max_examples=HISTORIES)
@given(before=first_operations, deaths=deaths, consistency=consistencies)
@pytest.mark.parametrize("target_like", ["objects", "hdfs", "files", "local"])
def test_after_thousands_of_deaths_nothing_that_nobody_gave_up_is_lost_with_the_source(
    target_like: str, before: list[Operation], deaths: list[Death], consistency: Literal["files", "snapshot"],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    lose_the_source(before, deaths, target_like, consistency, tmp_path_factory.getbasetemp())
