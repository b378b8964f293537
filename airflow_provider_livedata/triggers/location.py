"""A location as a source of events: each new checkpoint of a target, or each change of what a location holds.

    Asset("sales", watchers=[AssetWatcher(name="sales", trigger=LocationChangeTrigger("s3://lake@bucket/sales"))])

A DAG that is scheduled on this asset starts whenever a replication into the target has completed a cycle, while the live
run goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from typing import Any, Literal, get_args

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_float, as_texts
from airflow_provider_livedata.engine.errors import BadOption, LiveDataError
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.hooks.livedata import open_to_look
from airflow_provider_livedata.triggers.threads import in_thread

What = Literal["checkpoint", "content"]
Mark = int | str  # the number of the last run that was told of, or the digest of what was there


class LocationChangeTrigger(BaseEventTrigger):
    """Watches a location by looking at it again and again; the looks are made in threads. For ``AssetWatcher``.

    ``what="checkpoint"``: an event for each run that ended with a checkpoint at this target, at least once, with ``run``,
    ``source``, ``target``, ``snapshot``, ``as_of_ms``, ``lag_seconds``, ``report``, ``checkpoint`` and the counts of its report. A look
    costs one listing of a few names. The newest checkpoint of all is told when the watch begins. ``what="content"``: an event when a listing
    differs from the one before, with ``address``, ``files``, ``directories``, ``size_bytes``, ``newest_mtime_ms`` and ``digest``. A look costs a
    listing of the location. With ``target``: an event when the location is no longer what its copy there was left holding, once for each
    checkpoint of that, with ``address``, ``target``, ``run`` and ``change``. An HDFS source is asked for its snapshot difference then, and not listed.

    Where Airflow keeps the state of assets (3.3 and newer), a triggerer that starts again goes on where the last one ended. A store
    that does not answer, or that refuses, is logged, and looked at again at the next time.

    Args:
        address: Of the location, ``scheme://[conn_id@]authority/path``; credentials come from the connection.
        what: ``checkpoint`` or ``content``.
        poll_s: Seconds between looks.
        exclude: With ``content``: patterns of what does not count, in addition to the default exclusions.
        target: With ``content``: a target that the location is replicated to.
        after: Go on after this run number or digest, where nothing is known of an earlier watch.

    Raises:
        BadInput: Not an address, or an option that cannot be.
    """

    def __init__(
        self, address: str, what: What = "checkpoint", *, poll_s: float = 15, exclude: Iterable[str] = (), target: str = "",
        after: Mark | None = None,
    ) -> None:  # fmt: skip
        super().__init__()  # type: ignore[no-untyped-call]
        self.address = str(Address.parse(address))
        self.what: What = what
        self.poll_s = as_float(poll_s, "poll_s")
        self.exclude = as_texts(exclude, "exclude")
        self.target = str(Address.parse(target)) if target else ""
        self.after = after
        if self.target and what != "content":
            raise BadOption('target belongs to what="content"', target=target)
        if what not in get_args(What):
            raise BadOption(f"what is one of {', '.join(get_args(What))}", found=what)
        if self.poll_s <= 0:
            raise BadOption("poll_s is a number of seconds above 0", poll_s=poll_s)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See ``BaseTrigger``."""
        arguments = {
            "address": self.address, "what": self.what, "poll_s": self.poll_s, "exclude": list(self.exclude), "target": self.target,
            "after": self.after,
        }  # fmt: skip
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event each time; never ends by itself, since an error may pass or be mended."""
        recalled = await self._recalled()
        after = self.after if recalled is None else recalled
        waits = False  # for the report of a run, which is written just after its checkpoint
        while True:
            before = after
            found, after, waits = await self._look(before, patient=not waits)
            for payload in found:
                yield TriggerEvent(payload)  # type: ignore[no-untyped-call]
            if after is not None and after != before:
                await self._remember(after)
            await asyncio.sleep(min(self.poll_s, 1.0) if waits else self.poll_s)

    async def _look(self, after: Mark | None, *, patient: bool) -> tuple[list[dict[str, Any]], Mark | None, bool]:
        """The payloads of new events, the mark after them, and whether there is more that was not complete yet."""
        try:
            if self.what == "content":
                look = self._since_checkpoint if self.target else self._content
                return await in_thread(lambda: look(after))
            return await in_thread(lambda: self._checkpoints(after, patient=patient))
        except LiveDataError as error:
            # Whatever it is: Airflow starts a watch that ended with an error again at once, and again.
            say = self.log.warning if error.retryable else self.log.error
            say("%s could not be looked at and is again in %s s: %s", self.address, self.poll_s, error)
            return [], after, False

    def _checkpoints(self, after: Mark | None, *, patient: bool) -> tuple[list[dict[str, Any]], Mark | None, bool]:
        with closing(open_to_look(self.address)) as zone:
            newest = engine.newest_run(zone)
            known = after if isinstance(after, int) else None
            if known is not None and newest < known:  # the target was started over
                known = 0
            if newest == (known or 0):
                return [], known, False
            found = engine.completed(zone, after=known, even_without_report=not patient)
        told = found[-1]["run"] if found else known
        return found, told, patient and newest > (told or 0)

    def _content(self, after: Mark | None) -> tuple[list[dict[str, Any]], Mark | None, bool]:
        with closing(open_to_look(self.address)) as zone:
            seen = engine.fingerprint(zone, exclude=self.exclude)
        is_new = after is not None and seen.digest != after
        return ([{"address": self.address, **seen.to_json()}] if is_new else []), seen.digest, False

    def _since_checkpoint(self, after: Mark | None) -> tuple[list[dict[str, Any]], Mark | None, bool]:
        with closing(open_to_look(self.address)) as source, closing(open_to_look(self.target)) as target:
            run = engine.newest_run(target)
            change = "" if run == after else engine.changed(source, target)
        told = {"address": self.address, "target": self.target, "run": run, "change": change}
        return ([told], run, False) if change else ([], after, False)

    # Airflow 3.3 keeps values with an asset. They are a comfort: without them a watch that starts anew tells the newest
    # checkpoint once more, or misses what changed while nobody watched. So no failure of theirs may end it.

    async def _recalled(self) -> Mark | None:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            return None
        try:
            mark = await store.aget(self._memory())
        except Exception as error:  # noqa: BLE001 - see above
            self.log.warning("where the last watch ended cannot be recalled: %s", error)
            return None
        return mark if isinstance(mark, int | str) else None

    async def _remember(self, after: Mark) -> None:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            return
        try:
            await store.aset(self._memory(), after)
        except Exception as error:  # noqa: BLE001 - see above
            self.log.warning("where this watch is cannot be kept: %s", error)

    def _memory(self) -> str:
        return f"livedata-{hashlib.sha256(f'{self.what} {self.address} {self.target}'.encode()).hexdigest()[:16]}"
