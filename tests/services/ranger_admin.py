"""A STAND-IN of Ranger Admin: its REST API as far as the client ``apache-ranger`` and the export of policies need it, over policies in memory.

    with RangerAdmin() as admin:
        admin.add_service("here", "hive")
        client = RangerClient(admin.url, (admin.user, admin.password))

What it does not show: who may administer what (its one user may everything), Kerberos, the database and what goes on in it at once, how tags come to it,
the import of policies, default policies of a new service, users and groups that Ranger has to know, how long the real one takes. It keeps fields that it does not know,
which the real one drops, and its signatures of resources differ from the real ones while telling apart the same policies.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import hmac
import json
import re
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.services.ranger_engine import service_def
from tests.services.ranger_store import Json, RangerStore, Refused, found

API = "/service/public/v2/api"
PAGE = 200  # ranger.db.maxrows.default
_FILTERS = {  # of policies: what a query asks for, and the field that must be equal
    "serviceName": "service", "serviceType": "serviceType", "policyName": "name", "policyType": "policyType",
    "zoneName": "zoneName", "guid": "guid", "policyId": "id",
}  # fmt: skip


@dataclass
class _Fault:
    method: str
    status: int
    after: int
    times: int
    is_done: bool


@dataclass(frozen=True)
class _Request:
    store: RangerStore
    query: dict[str, str]
    body: Any
    found: tuple[str, ...]  # the parts of the path that vary


class RangerAdmin:
    """One server on loopback. A service, policy, role or zone that is added here obeys the same rules as one that a client sends."""

    def __init__(self, service_defs: Mapping[str, Json] | None = None) -> None:
        """Use the service-defs of Ranger itself, by name, where none are given."""
        self.user, self.password = "admin", "Rangeradmin1!"
        self.requests: list[tuple[str, str]] = []  # method, and path with query, those that fail included
        self._store = RangerStore(service_defs or {kind: service_def(kind) for kind in ("hive", "hdfs")}, self.user)
        self._faults: list[_Fault] = []
        self._lock = threading.RLock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="ranger-admin")
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.disconnect()
        self._server.server_close()

    def fail(self, method_prefix: str, status: int, *, after: int = 0, times: int = 1, is_done: bool = False) -> None:
        """Answer requests with a status in place of an answer; 0: close the connection without any.

        Args:
            method_prefix: How a request begins, such as ``PUT`` or ``GET /service/public/v2/api/policy``.
            status: Of the answer.
            after: How many such requests are answered well before.
            times: How many then fail.
            is_done: The request has its effect all the same, only the answer is lost.
        """
        with self._lock:
            self._faults.append(_Fault(method_prefix, status, after, times, is_done))

    def policies(self, service: str) -> list[Json]:
        """The policies of a service, oldest first."""
        with self._lock:
            return copy.deepcopy(self._store.in_service(service))

    def roles(self) -> list[Json]:
        """The roles, oldest first."""
        with self._lock:
            return copy.deepcopy([*self._store.roles.values()])

    def add_service(self, name: str, type: str, **fields: Any) -> Json:  # noqa: A002
        """Add a service of a type, such as ``hive``."""
        with self._lock:
            return copy.deepcopy(
                self._store.add("service", self._store.services, {**fields, "name": name, "type": type})
            )

    def add_policy(self, policy: Json) -> Json:
        """Add a policy to the service that it names."""
        with self._lock:
            return copy.deepcopy(self._store.add_policy(policy))

    def add_role(self, role: Json) -> Json:
        """Add a role."""
        with self._lock:
            return copy.deepcopy(self._store.add("role", self._store.roles, copy.deepcopy(role)))

    def add_zone(self, zone: Json) -> Json:
        """Add a security zone."""
        with self._lock:
            return copy.deepcopy(self._store.add("zone", self._store.zones, copy.deepcopy(zone)))

    def set_tags(self, service: str, borne: Json) -> None:
        """Have resources of a service bear tags, as a ``ServiceTags`` says."""
        with self._lock:
            self._store.set_tags(service, copy.deepcopy(borne))

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> tuple[int, Any]:
        """The status and the body for a request; the status 0 for none."""
        with self._lock:
            self.requests.append((method, target))
            fault = self._fault(f"{method} {target}")
            if fault is not None and not fault.is_done:
                return fault.status, _said(fault.status, "fault of the test")
            status, told = self._answer(method, target, authorization, body)
            return (status, told) if fault is None else (fault.status, _said(fault.status, "fault of the test"))

    def _fault(self, line: str) -> _Fault | None:
        """The first fault that is due; each counts every request that it is meant for."""
        due = None
        for fault in [one for one in self._faults if line.startswith(one.method)]:
            if fault.after:
                fault.after -= 1
            elif due is None:
                due, fault.times = fault, fault.times - 1
        self._faults = [one for one in self._faults if one.times > 0]
        return due

    def _answer(self, method: str, target: str, authorization: str, body: bytes) -> tuple[int, Any]:
        known = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if not hmac.compare_digest(authorization.encode(), f"Basic {known}".encode()):
            return 401, _said(401, "Authentication Failed")
        split = urlsplit(target)
        try:
            act, parts = _route(method, split.path.rstrip("/"))
            given = json.loads(body) if body else None
            if method in ("POST", "PUT") and not isinstance(given, dict):
                raise Refused(400, "the request has no object in JSON")
            asked = _Request(self._store, dict(parse_qsl(split.query, keep_blank_values=True)), given, parts)
            told = copy.deepcopy(act(asked))
        except Refused as error:
            return error.status, _said(1, str(error))
        except ValueError as error:
            return 400, _said(1, str(error))
        return (204, None) if told is None else (200, told)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that the end waits for them

    def __init__(self, admin: RangerAdmin) -> None:
        self.admin = admin
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def disconnect(self) -> None:
        """End the connections that clients keep for later."""
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for a client that has nothing to send
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: a test asks for ``requests``."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        admin, authorization = self.server.admin, self.headers.get("Authorization") or ""
        status, told = admin.answer(self.command, self.path, authorization, body)
        if not status:
            self.close_connection = True
            return
        data = b"" if told is None else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _said(status: int, message: str) -> Json:
    return {"statusCode": status, "msgDesc": message}


def _page(asked: _Request, rows: Sequence[Json]) -> list[Json]:
    """The rows from ``startIndex`` on, ``pageSize`` of them, or 200."""
    try:
        start, size = int(asked.query.get("startIndex") or 0), int(asked.query.get("pageSize") or PAGE)
    except ValueError:
        raise Refused(400, "Invalid value for parameter startIndex or pageSize") from None
    return list(rows[max(start, 0) : max(start, 0) + (size if size > 0 else PAGE)])


def _matching(asked: _Request) -> list[Json]:
    """The policies that a query asks for."""
    wanted = {field: asked.query[name] for name, field in _FILTERS.items() if asked.query.get(name)}
    part = asked.query.get("policyNamePartial", "")
    return [
        one
        for one in asked.store.policies.values()
        if all(str(one[field]) == value for field, value in wanted.items()) and part in one["name"]
    ]


def _in_service(asked: _Request) -> Any:
    name = asked.found[0]
    if not any(one["name"] == name for one in asked.store.services.values()):
        raise Refused(400, f"service does not exist - name={name}")
    return _page(asked, [one for one in _matching(asked) if one["service"] == name])


def _named_policy(asked: _Request) -> Json:
    service, name = asked.found
    zone = asked.query.get("zoneName", "")
    for one in asked.store.in_service(service):
        if (one["name"], one["zoneName"]) == (name, zone):
            return one
    raise Refused(404, "Not found")


def _exported(asked: _Request) -> Any:
    """The policies of the services that are named, ``,`` between them; nothing at all (204) where there is none."""
    names = [name for name in asked.query.get("serviceName", "").split(",") if name]
    rows = [one for one in asked.store.policies.values() if not names or one["service"] in names]
    made = {"Host name": "stand-in", "Exported by": "admin", "Ranger apache version": "2.6.0"}
    return {"metaDataInfo": made, "policies": rows} if rows else None


def _definition(asked: _Request) -> Json:
    if asked.found[0] not in asked.store.service_defs:
        raise Refused(404, "Not found")
    return asked.store.service_defs[asked.found[0]]


def _services(asked: _Request) -> list[Json]:
    wanted = {field: asked.query.get(name) for name, field in (("serviceName", "name"), ("serviceType", "type"))}
    rows = asked.store.services.values()
    return [one for one in rows if all(not value or one[field] == value for field, value in wanted.items())]


def _named(table: dict[int, Json], name: str) -> Json:
    for one in table.values():
        if one["name"] == name:
            return one
    raise Refused(404, "Not found")


_Act = Callable[[_Request], Any]
_ROUTES: list[tuple[str, str, _Act]] = [
    ("GET", f"{API}/servicedef", lambda a: _page(a, [*a.store.service_defs.values()])),
    ("GET", f"{API}/servicedef/name/([^/]+)", _definition),
    ("GET", f"{API}/service", lambda a: _page(a, _services(a))),
    ("POST", f"{API}/service", lambda a: a.store.add("service", a.store.services, a.body)),
    ("GET", f"{API}/service/(\\d+)", lambda a: found(a.store.services, int(a.found[0]))),
    ("GET", f"{API}/service/name/([^/]+)", lambda a: a.store.service(a.found[0])),
    ("GET", f"{API}/service/([^/]+)/policy", _in_service),
    ("GET", f"{API}/service/([^/]+)/policy/([^/]+)", _named_policy),
    ("GET", f"{API}/policy", lambda a: _page(a, _matching(a))),
    ("POST", f"{API}/policy", lambda a: a.store.add_policy(a.body)),
    ("GET", f"{API}/policy/(\\d+)", lambda a: found(a.store.policies, int(a.found[0]))),
    ("PUT", f"{API}/policy/(\\d+)", lambda a: a.store.change_policy(int(a.found[0]), a.body)),
    ("DELETE", f"{API}/policy/(\\d+)", lambda a: a.store.remove_policy(int(a.found[0]))),
    ("GET", f"{API}/roles", lambda a: _page(a, [*a.store.roles.values()])),
    ("POST", f"{API}/roles", lambda a: a.store.add("role", a.store.roles, a.body)),
    ("GET", f"{API}/roles/(\\d+)", lambda a: found(a.store.roles, int(a.found[0]))),
    ("GET", f"{API}/roles/name/([^/]+)", lambda a: _named(a.store.roles, a.found[0])),
    ("PUT", f"{API}/roles/(\\d+)", lambda a: a.store.change("role", a.store.roles, int(a.found[0]), a.body)),
    ("DELETE", f"{API}/roles/(\\d+)", lambda a: a.store.remove_role(int(a.found[0]))),
    ("GET", f"{API}/zones", lambda a: _page(a, [*a.store.zones.values()])),
    ("GET", f"{API}/zones/(\\d+)", lambda a: found(a.store.zones, int(a.found[0]))),
    ("GET", f"{API}/zones/name/([^/]+)", lambda a: _named(a.store.zones, a.found[0])),
    ("GET", "/service/plugins/policies/exportJson", _exported),
    ("GET", "/service/tags/secure/download/([^/]+)", lambda a: a.store.tags_of(a.found[0])),
]


def _route(method: str, path: str) -> tuple[_Act, tuple[str, ...]]:
    seen = False
    for wanted, pattern, act in _ROUTES:
        if matched := re.fullmatch(pattern, path):
            if wanted == method:
                return act, tuple(unquote(one) for one in matched.groups())
            seen = True
    raise Refused(405 if seen else 404, "Method Not Allowed" if seen else "Not found")
