"""Calls are tried again as often and as late as the policy says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import BadOption, LiveDataError, PathMissing, ZoneBusy, ZoneUnreachable
from airflow_provider_livedata.engine.retry import RetryPolicy, retry


class Call:
    """Raises what it was given, then returns 7."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors, self.count = list(errors), 0

    def __call__(self) -> int:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return 7


def test_a_call_that_works_is_made_once_and_nothing_is_waited_for() -> None:
    call, waits = Call(), list[float]()
    assert retry(call, sleep=waits.append) == 7
    assert (call.count, waits) == (1, [])


def test_retryable_errors_are_tried_again_until_it_works() -> None:
    call, waits = Call(ZoneBusy("a"), ZoneUnreachable("b")), list[float]()
    assert retry(call, RetryPolicy(base_s=1), sleep=waits.append, random=lambda: 1.0) == 7
    assert (call.count, waits) == (3, [1.0, 2.0])


@pytest.mark.parametrize("error", [PathMissing("gone"), ValueError("a mistake"), KeyboardInterrupt()])
def test_other_errors_pass_at_once(error: BaseException) -> None:
    call = Call(error)
    with pytest.raises(type(error)):
        retry(call, sleep=lambda _: None)
    assert call.count == 1


def test_the_last_error_is_raised_after_the_last_attempt_without_a_wait() -> None:
    call, waits = Call(*[ZoneBusy(str(number)) for number in range(9)]), list[float]()
    with pytest.raises(ZoneBusy, match="2"):
        retry(call, RetryPolicy(attempts=3), sleep=waits.append)
    assert (call.count, len(waits)) == (3, 2)


def test_the_caller_may_say_what_is_worth_it() -> None:
    call = Call(PathMissing("not yet"))
    assert retry(call, is_worth_it=lambda error: isinstance(error, PathMissing), sleep=lambda _: None) == 7
    with pytest.raises(ZoneBusy):
        retry(Call(ZoneBusy("busy")), is_worth_it=lambda _: False, sleep=lambda _: None)


def test_a_store_that_names_a_time_is_not_asked_before_it() -> None:
    waits = list[float]()
    errors = [ZoneBusy("a", retry_after_s=30), ZoneBusy("b", retry_after_s=0.5), ZoneBusy("c", retry_after_s=None)]
    retry(Call(*errors), RetryPolicy(base_s=1, max_s=2), sleep=waits.append, random=lambda: 0.75)
    assert waits == [30, 1.5, 1.5]


@given(failed=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True), base_s=st.floats(0, 10))
def test_waits_are_drawn_from_nothing_up_to_a_ceiling_that_doubles(failed: int, chance: float, base_s: float) -> None:
    policy = RetryPolicy(attempts=10, base_s=base_s, max_s=20)
    ceiling = policy.wait_s(failed, 1.0)
    assert 0 <= policy.wait_s(failed, chance) <= ceiling <= 20
    assert ceiling == min(20, base_s * 2 ** min(failed - 1, 60))


@pytest.mark.parametrize("options", [{"attempts": 0}, {"base_s": -1}, {"base_s": 3, "max_s": 2}])
def test_a_policy_that_cannot_be_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(BadOption):
        RetryPolicy(**options)  # type: ignore[arg-type]


def test_what_was_raised_keeps_its_own_traceback_and_place() -> None:
    error: LiveDataError = PathMissing("gone", path="f")
    with pytest.raises(PathMissing) as caught:
        retry(Call(error))
    assert caught.value is error


def test_an_attempt_that_the_caller_has_made_counts_and_is_waited_for() -> None:
    waits, call = list[float](), Call(ZoneBusy("b"), ZoneBusy("c"))
    with pytest.raises(ZoneBusy, match="c"):
        retry(call, RetryPolicy(attempts=3), sleep=waits.append, random=lambda: 1.0, after=ZoneBusy("a"))
    assert waits == [0.5, 1.0]


def test_a_first_failure_that_is_for_good_is_raised_and_nothing_is_called() -> None:
    error = PathMissing("gone", path="f")
    with pytest.raises(PathMissing) as caught:
        retry(lambda: pytest.fail("called"), after=error)
    assert caught.value is error
