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

        A store that named a time (``at_least_s``) is not asked before it, and never waited for longer than ``max_s``
        unless it said so.
        """
        ceiling = min(self.max_s, self.base_s * 2.0 ** min(failed - 1, 60))
        return max(at_least_s, ceiling * chance)


DEFAULT_POLICY = RetryPolicy()


def retry(
    call: Callable[[], Result],
    policy: RetryPolicy = DEFAULT_POLICY,
    *,
    after_failure: Callable[[LiveDataError], Result | None] | None = None,
    sleep: Sleep = time.sleep,
    random: Random = random.random,
) -> Result:
    """Return what ``call`` returns, calling it again while its error is retryable and attempts are left.

    ``call`` must be idempotent. An error may carry ``retry_after_s`` in its ``where``: the store is not asked sooner.

    Args:
        call: Raises LiveDataError when it fails; any other exception passes at once.
        policy: Attempts and waits.
        after_failure: Asked after a wait, before the next attempt, with the error: whether the call took place after
            all although its reply was lost. What it returns, when not None, is the result. May raise; a retryable
            error of its own counts as one more failed attempt.
        sleep: Waits; takes seconds.
        random: Draws the jitter.

    Raises:
        LiveDataError: The last error, when it is not retryable or no attempt is left.
    """
    failed: LiveDataError | None = None
    for attempt in range(1, policy.attempts + 1):
        try:
            known = after_failure(failed) if failed and after_failure else None
            return call() if known is None else known
        except LiveDataError as error:
            if not error.retryable or attempt == policy.attempts:
                raise
            failed = error
            sleep(policy.wait_s(attempt, random(), at_least_s=_retry_after_s(error)))
    raise AssertionError("unreachable: attempts is 1 or more")


def _retry_after_s(error: LiveDataError) -> float:
    named = error.where.get("retry_after_s")
    return float(named) if isinstance(named, int | float) else 0.0
