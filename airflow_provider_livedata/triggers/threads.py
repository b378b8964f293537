"""Blocking calls out of the triggerer's event loop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from asgiref.sync import sync_to_async

Result = TypeVar("Result")
LOOKS_AT_ONCE = 8  # of all triggers of this package in one triggerer; a store that hangs holds one of them


async def in_thread(call: Callable[[], Result]) -> Result:
    """Make a blocking call in a thread of our own, so that neither the loop nor Airflow's own threads wait for a store.

    By asgiref rather than ``asyncio.to_thread``: Airflow's look-up of connections finds its way back to the loop by it.
    """
    return await sync_to_async(call, thread_sensitive=False, executor=_threads())()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(LOOKS_AT_ONCE, "livedata-trigger")
