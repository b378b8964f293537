"""Try again what may succeed later: exponential back-off with full jitter.

The wait before attempt n+1 is drawn from [0, min(max_s, base_s * 2**n)], so that many workers that failed together do
not come back together. Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from airflow_provider_livedata.engine.errors import BadOption, LiveDataError

Result = TypeVar("Result")
Sleep = Callable[[float], None]
Random = Callable[[], float]  # in [0, 1)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after how long. ``attempts`` counts the first one; waits are in seconds."""

    attempts: int = 8
    base_s: float = 0.5
    max_s: float = 20.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.base_s < 0 or self.max_s < self.base_s:
            raise BadOption("a retry policy needs attempts >= 1 and 0 <= base_s <= max_s", policy=repr(self))

    def wait_s(self, failed: int, chance: float, *, at_least_s: float = 0.0) -> float:
        """Seconds to wait after ``failed`` failures (1 or more); ``chance`` is in [0, 1).

        A store that named a time (``at_least_s``) is not asked before it.
        """
        ceiling = min(self.max_s, self.base_s * 2.0 ** min(failed - 1, 60))
        return max(at_least_s, ceiling * chance)


DEFAULT_POLICY = RetryPolicy()


def is_retryable(error: LiveDataError) -> bool:
    """What ``retry`` asks unless told otherwise."""
    return error.retryable


def retry(
    call: Callable[[], Result],
    policy: RetryPolicy = DEFAULT_POLICY,
    *,
    is_worth_it: Callable[[LiveDataError], bool] = is_retryable,
    sleep: Sleep = time.sleep,
    random: Random = random.random,
    after: LiveDataError | None = None,
) -> Result:
    """Return what ``call`` returns, calling it again while its error is worth it and attempts are left.

    ``call`` must be idempotent, or find out by itself whether an earlier attempt took place. An error may carry
    ``retry_after_s`` in its ``where``: the store is not asked sooner.

    Args:
        call: Raises LiveDataError when it fails; any other exception passes at once.
        policy: Attempts and waits.
        is_worth_it: Whether another attempt may succeed after this error.
        sleep: Waits; takes seconds.
        random: Draws the jitter, in [0, 1).
        after: How the first attempt failed, where the caller has made it: what is called for each file is spared this frame.

    Raises:
        LiveDataError: The last error.
    """
    failed, last = 0, after
    while True:
        if last is not None:
            failed += 1
            if failed >= policy.attempts or not is_worth_it(last):
                try:
                    raise last
                finally:
                    last = None  # else it would hold itself by this frame
            sleep(policy.wait_s(failed, random(), at_least_s=_retry_after_s(last)))
        try:
            return call()
        except LiveDataError as error:
            last = error


def _retry_after_s(error: LiveDataError) -> float:
    named = error.where.get("retry_after_s")
    return float(named) if isinstance(named, int | float) else 0.0
