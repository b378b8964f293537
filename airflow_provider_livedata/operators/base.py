"""What the operators have in common: addresses and options as templates, zones by their connections, results as XCom."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import quote

from airflow.providers.common.compat.sdk import AirflowSkipException, Asset, AssetAlias, BaseOperator

from airflow_provider_livedata.bridge import airflow_errors, as_bool, options_from
from airflow_provider_livedata.engine.errors import LiveDataError, WindowClosed
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.hooks.livedata import LiveDataHook
from airflow_provider_livedata.operators.pacing import within_limits

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.zones.base import Zone

# The provider of Databricks takes assets of its scheme for tables, and refuses others.
_ASSETS = {"databricks": "databricks-catalogue"}
# By which limits of zones work is held up: a switch by none.
Work = Literal["copy", "both ways", "read", "switch"]
FAILURE = "failure"  # the XCom that tells why a task failed, for the tasks that report


class LiveDataOperator(BaseOperator):
    """Runs ``work``; subclasses say what that is. Its result goes to XCom and to the events of outlet assets.

    A retryable error of the engine fails the task so that Airflow tries again; a hopeless one fails it for good. Either
    is also pushed as the XCom ``failure``: the kind of error, its message, and the totals of what was done before. Where nothing may be
    moved at this time of day (docs/pace.md) the task waits outside the worker until that is over, or is skipped, as ``when_closed`` says.
    """

    ui_color = "#e0f0f5"
    when_closed: Literal["wait", "skip"] = "wait"
    _is_working = False

    def execute(self, context: Context) -> Any:
        """See ``work``.

        Raises:
            AirflowException: Worth a retry.
            AirflowFailException: Hopeless as things are; the message says what to do.
        """
        return self.guarded(context, self.work)

    def guarded(self, context: Context, work: Callable[[Context], Any]) -> Any:
        """Run ``work``, or what is left of it, as ``execute`` says."""
        self._is_working = True
        try:
            with failures_pushed(context), self._until_open():
                result = work(context)
        finally:
            self._is_working = False
        attach(result, self.outlets, context)
        return result

    def begin_again(self, context: Context, event: Any) -> Any:
        """Run anew after a wait outside the worker; what landed before it is not copied again."""
        return self.execute(context)

    @contextlib.contextmanager
    def _until_open(self) -> Iterator[None]:
        """Where bytes may not be moved at this time of day, leave the worker until they may be, or skip the task."""
        try:
            yield
        except WindowClosed as closed:
            opens = opening(closed)
            if opens is None:
                raise
            self.log.info("%s", closed)
            if self.when_closed == "skip":
                raise AirflowSkipException(str(closed)) from None
            from airflow_provider_livedata.triggers.wait import WaitTrigger

            self.defer(trigger=WaitTrigger(opens, {}), method_name="begin_again")

    def work(self, context: Context) -> Any:
        """Do it and return what goes to XCom: an address, a digest, totals; never data."""
        raise NotImplementedError

    def on_kill(self) -> None:
        """Stop by an exception, so that the engine gives the target's lease back; what landed stays known."""
        if self._is_working:
            raise SystemExit(f"task {self.task_id} was told to stop")


def opening(closed: WindowClosed) -> datetime | None:
    """When bytes may be moved again; None: never."""
    opens = closed.where["opens"]
    return None if opens is None else datetime.fromisoformat(opens)


class ReplicationOperator(LiveDataOperator):
    """An operator between a source and a target.

    Args:
        source: Address of the location to read, ``scheme://[conn_id@]authority/path``.
        target: Address of the directory to write.
        options: Fields of ``engine.ReplicateOptions`` by name (exclude, bandwidth, threads, ...); texts will do.
        when_closed: ``wait`` or ``skip``, see ``LiveDataOperator``.
        dry_run: Write the plan, return its address, digest and totals, and change nothing else. Kept as ``is_dry_run``:
            Airflow's operators have a method of the shorter name.
    """

    template_fields: Collection[str] = ("source", "target", "options", "is_dry_run")
    template_fields_renderers: ClassVar[dict[str, str]] = {"options": "json"}
    limited_as: ClassVar[Work] = "copy"

    def __init__(
        self,
        *,
        source: str,
        target: str,
        options: Mapping[str, Any] | None = None,
        dry_run: bool | str = False,
        when_closed: Literal["wait", "skip"] = "wait",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.when_closed = when_closed
        self.source = source
        self.target = target
        self.options = options or {}
        self.is_dry_run = dry_run

    def chosen(self, context: Context) -> ReplicateOptions:
        """The options, with this task as the holder of the target's lease."""
        return options_from({"holder": holder_in(context), **self.options}, dry_run=as_bool(self.is_dry_run, "dry_run"))

    def work(self, context: Context) -> Any:
        """Open both zones and hand them to ``between``."""
        options = self.chosen(context)
        with both(self.source, self.target, options, self.limited_as) as (source, target):
            return self.between(source, target, options)

    def between(self, source: Zone, target: Zone, options: ReplicateOptions) -> dict[str, Any]:
        """Call the engine and return what goes to XCom."""
        raise NotImplementedError


def holder_in(context: Context) -> str:
    """This task, as the holder of a lease."""
    ti = context["ti"]
    return f"Airflow DAG {ti.dag_id}, run {ti.run_id}, task {ti.task_id}"


@contextlib.contextmanager
def opened(
    address: str, options: ReplicateOptions | None = None, *, into: str | None = None, begins: bool = False
) -> Iterator[Zone]:
    """The zone of an address, by its connection, closed at the end.

    ``into``: None, or where it is copied to, "" for nowhere: it is then read within what may leave its zone and go into the other one.
    ``begins``: a copy begins, which would be of no use where either is closed.

    Raises:
        WindowClosed: It cannot be copied at this time of day.
    """
    zone = LiveDataHook.open_zone(address, options)
    try:
        if into is not None:
            zone = within_limits(zone, address, into, options or ReplicateOptions(), begins=begins)
        yield zone
    finally:
        zone.close()


@contextlib.contextmanager
def both(one: str, other: str, options: ReplicateOptions, work: Work = "copy") -> Iterator[tuple[Zone, Zone]]:
    """Two zones for work between them; see ``opened``."""
    copies = work in ("copy", "both ways")
    into_other, into_one = (other, one) if copies else (None, None) if work == "switch" else ("", "")
    with (
        opened(one, options, into=into_other, begins=copies) as here,
        opened(other, options, into=into_one, begins=work == "both ways") as there,
    ):
        yield here, there


def attach(result: Any, outlets: Collection[Any], context: Context) -> None:
    """Give the totals to the event of each outlet asset; through an alias, the target itself becomes an asset.

    A dry run changes nothing, and so is no event of an alias.
    """
    if not isinstance(result, dict):
        return
    for outlet in outlets:
        event = context["outlet_events"][outlet]
        if isinstance(outlet, AssetAlias):
            if result.get("state") != "dry run":
                event.add(asset_of(result["target"]), extra=result)
        else:
            event.extra = {**event.extra, **result}


def asset_of(address: str) -> Asset:
    """The asset of a place, whatever connection it is reached by."""
    place = Address.parse(address)
    uri = f"{_ASSETS.get(place.scheme, place.scheme)}://{place.authority}/{quote(place.path)}"
    return Asset(name=uri, uri=uri)


@contextlib.contextmanager
def failures_pushed(context: Any) -> Iterator[None]:
    """Turn the engine's errors into Airflow's, and push as ``failure`` what they say and the totals of what was done before."""

    def push(error: LiveDataError) -> None:
        report = getattr(error, "report", None)
        value = {"error": type(error).__name__, "message": str(error), "report": report.summary() if report else None}
        context["ti"].xcom_push(key=FAILURE, value=value)

    with airflow_errors(push):
        yield
