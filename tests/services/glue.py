"""Glue and Lake Formation on moto, a stand-in of AWS: it does not enforce how much a call may carry, does not throttle, and lacks functions and statistics.

What it lacks is asserted on, or answered by, the requests of the real client, by botocore's own events.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import EndpointConnectionError

from airflow_provider_livedata.engine.metastore.glue import GlueCatalogue, open_glue
from airflow_provider_livedata.engine.policies.lake_formation import LakeFormation, open_lake_formation
from airflow_provider_livedata.engine.retry import RetryPolicy
from tests.services.s3 import MotoServer

Answer = str | dict[str, Any] | None
_READS = ("Get", "BatchGet", "List")
AT_ONCE = RetryPolicy(attempts=4, base_s=0, max_s=0)


class GlueRequests:
    """The requests of one client, by call: what ``boto3`` was about to send. ``before``: what happens first, once, by call."""

    def __init__(self, client: Any) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.before: dict[str, Callable[[], None]] = {}
        self._answers: dict[str, list[Answer]] = {}
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-parameter-build.{service}", self._built)
        client.meta.events.register(f"before-send.{service}", self._sending)
        self.lacks_functions = True  # moto answers 500; a catalogue without functions answers so
        self.dies_at, self.takes_place = (
            0,
            False,
        )  # from this call on that changes something, no answer comes any more; it may take place
        self._changing = 0
        client.meta.events.register(f"after-call.{service}", self._answered)

    def of(self, call: str) -> list[dict[str, Any]]:
        """The requests of one call."""
        return [request for name, request in self.sent if name == call]

    def changes(self) -> dict[str, int]:
        """How often each call that changes something was made."""
        names = [name for name, _ in self.sent if not name.startswith(_READS)]
        return {name: names.count(name) for name in names}

    def answer(self, call: str, *answers: Answer) -> None:
        """Answer the next requests of a call in place of the server: with the code of an error, or a body; None: the server does."""
        self._answers.setdefault(call, []).extend(answers)

    def _built(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.sent.append((model.name, dict(params)))
        self.before.pop(model.name, lambda: None)()

    def _answered(self, **_: Any) -> None:
        if 0 < self.dies_at <= self._changing:
            raise EndpointConnectionError(endpoint_url="http://gone")

    def _sending(self, request: Any, event_name: str, **_: Any) -> Any:
        call = event_name.rpartition(".")[2]
        self._changing += not call.startswith(_READS)
        if 0 < self.dies_at < self._changing + (not self.takes_place):
            raise EndpointConnectionError(endpoint_url="http://gone")
        answer = self._answers[call].pop(0) if self._answers.get(call) else None
        if isinstance(answer, str):
            return _answer(request.url, 400, {"__type": answer, "message": "answered by the test"})
        if answer is not None:
            return _answer(request.url, 200, answer)
        if call == "GetUserDefinedFunctions" and self.lacks_functions:
            return _answer(request.url, 200, {"UserDefinedFunctions": []})
        return None


class CellFilters:
    """A STAND-IN of data cells filters, which moto does not keep: for the clients of boto3 that it is given."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str], dict[str, Any]] = {}

    def on(self, client: Any) -> None:
        """Answer what this client asks about them."""
        for call in ("CreateDataCellsFilter", "UpdateDataCellsFilter", "DeleteDataCellsFilter", "ListDataCellsFilter"):
            client.meta.events.register(f"before-send.lakeformation.{call}", self._answer)

    def _answer(self, request: Any, event_name: str, **_: Any) -> Any:
        call, asked = event_name.rpartition(".")[2], json.loads(request.body or "{}")
        if call == "ListDataCellsFilter":
            return _answer(request.url, 200, {"DataCellsFilters": list(self.kept.values())})
        told = asked.get("TableData", asked)
        key = (told["DatabaseName"], told["TableName"], told["Name"])
        is_there = key in self.kept
        if call == "CreateDataCellsFilter" and is_there:
            return _answer(request.url, 400, {"__type": "AlreadyExistsException", "message": "there is one"})
        if call != "CreateDataCellsFilter" and not is_there:
            return _answer(request.url, 400, {"__type": "EntityNotFoundException", "message": "there is none"})
        if call == "DeleteDataCellsFilter":
            del self.kept[key]
        else:
            self.kept[key] = told
        return _answer(request.url, 200, {})


class _Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._data


def _answer(url: str, status: int, body: dict[str, Any]) -> Any:
    from botocore import awsrequest
    from botocore.compat import HTTPHeaders

    raw: Any = _Body(json.dumps(body).encode())
    return awsrequest.AWSResponse(url, status, HTTPHeaders(), raw)


def glue_client(server: MotoServer, service: str = "glue") -> Any:
    """A client of boto3 that does not try again."""
    import boto3
    from botocore.config import Config

    boto: Any = boto3  # its types know a client only by its literal name
    return boto.client(
        service, endpoint_url=server.endpoint, region_name=server.region, aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key, config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


def lake_formation_on(server: MotoServer, cells: CellFilters | None = None) -> tuple[LakeFormation, GlueRequests]:
    """The grants on the catalogue of a server, and the requests about them. moto has no pages, refuses nothing, and lists what it was sent."""
    client = glue_client(server, "lakeformation")
    (cells or CellFilters()).on(client)
    requests = GlueRequests(client)
    return open_lake_formation(client, glue_client(server), policy=AT_ONCE), requests


def glue_on(server: MotoServer) -> tuple[GlueCatalogue, GlueRequests]:
    """A catalogue on a server, and the requests that it makes."""
    client = glue_client(server)
    requests = GlueRequests(client)
    return open_glue(client, policy=AT_ONCE), requests
