"""Thousands of histories of two sides against the real engine, and many more against the model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crash import test_two_way as engine
from tests.unit import test_two_way as model

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("policy", ["newest", "prefer:right", "keep_both"])
@pytest.mark.parametrize("likes", engine.PAIRS, ids=["-".join(pair) for pair in engine.PAIRS])
def test_both_sides_end_the_same_in_very_many_histories(
    likes: tuple[str, str], policy: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @settings(max_examples=500, deadline=None)
    @given(rounds=engine.histories)
    def run(rounds: list[engine.Round]) -> None:
        sides = engine.Sides(likes, policy, tmp_path_factory.mktemp("two"))
        try:
            for one in rounds:
                sides.pass_by(one)
        finally:
            sides.forget()

    run()


def test_the_model_holds_in_very_many_histories() -> None:
    @settings(max_examples=20_000, deadline=None)
    @given(
        history=model._history, likes=st.tuples(st.booleans(), st.booleans()),
        policy=st.sampled_from(["newest", "prefer:there", "keep_both"]),
    )  # fmt: skip
    def run(history: list[list[tuple[str, str, str, int]]], likes: tuple[bool, bool], policy: str) -> None:
        check = model.test_both_sides_end_the_same_a_second_sync_changes_nothing_and_nothing_that_was_written_is_lost
        check.hypothesis.inner_test(history, likes, policy)  # type: ignore[attr-defined]

    run()
