"""Calls of a Hive Metastore: several addresses with fail-over, newer calls before older ones, errors mapped here, calls counted.

TTransportException, OSError       MetastoreUnreachable   the next address is tried; a call that only reads is repeated
MetaException and its kin          MetastoreRefused       the server's own words
AlreadyExists, NoSuchObject        ObjectExists, ObjectMissing
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_livedata.engine.errors import (
    BadInput,
    CredentialsRefused,
    MetastoreRefused,
    MetastoreUnreachable,
    ObjectExists,
    ObjectMissing,
)

DEFAULT_PORT = 9083
TIMED_OUT, END_OF_FILE = 3, 4  # of Thrift's kinds of broken transports
NO_THRIFT = (END_OF_FILE, 5, 6)  # an end, and lengths that none can be
READS = ("get_", "find_")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HiveAccess:
    """How the servers are reached, and as whom. Texts are names, paths and principals, never secrets.

    ``user`` is told to servers without Kerberos. ``kerberos_service``: the service part of their principal ("hive"), or empty; the
    ticket is the one in the process's cache. ``tls_ca``: a file of certificates that sign theirs.
    """

    uris: tuple[str, ...]
    user: str = ""
    timeout_s: float = 300
    kerberos_service: str = ""
    use_tls: bool = False
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""

    def __post_init__(self) -> None:
        if not self.uris or not all(urlsplit(uri).hostname for uri in self.uris):
            raise BadInput("a metastore is named by thrift://host:port, several with commas", uris=",".join(self.uris))


class HiveClient:
    """One connection at a time; not for several threads. ``calls`` counts each call that was sent, by its name."""

    def __init__(self, access: HiveAccess) -> None:
        self.access = access
        self.calls: Counter[str] = Counter()
        self._unknown: set[str] = set()  # calls that this server does not have
        self._client: Any = None
        self._transport: Any = None
        self._first = 0  # of the addresses: the one that answered last

    def close(self) -> None:
        """Let go of the connection. Idempotent; a call after it connects again."""
        if self._transport is not None:
            with contextlib.suppress(Exception):
                self._transport.close()
        self._client = self._transport = None

    def call(self, name: str, *args: Any) -> Any:
        """What the call answers.

        Raises:
            MetastoreUnreachable: No server answers. Whether a call that changes something took place is then unknown.
            MetastoreRefused, ObjectExists, ObjectMissing: The server says no.
        """
        return self.first_of((name, lambda: args))

    def first_of(self, *choices: tuple[str, Callable[[], tuple[Any, ...]]]) -> Any:
        """The answer to the first call that the server has; the arguments of each are made when it is tried."""
        for name, arguments in choices:
            if name not in self._unknown:
                try:
                    return self._sent(name, arguments())
                except _UnknownCall:
                    self._unknown.add(name)
        raise MetastoreRefused(
            "this metastore is too old or too new for a call", calls=", ".join(one for one, _ in choices)
        )

    def has(self, name: str) -> bool:
        """Whether nothing speaks against the server having this call: it may not have been tried."""
        return name not in self._unknown

    def _sent(self, name: str, args: tuple[Any, ...]) -> Any:
        attempts = 2 if name.startswith(READS) else 1
        for left in reversed(range(attempts)):
            try:
                with _mapped(name, self.access):
                    client = self._connected()
                    self.calls[name] += 1
                    return getattr(client, name)(*args)
            except MetastoreUnreachable as error:
                self.close()
                if not left:
                    raise
                log.warning("a metastore is asked once more: %s", error)
        raise AssertionError(name)

    def _connected(self) -> Any:
        if self._client is None:
            problems = []
            uris = self.access.uris
            for number in (*range(self._first, len(uris)), *range(self._first)):
                try:
                    with _mapped("open", self.access):
                        self._open(uris[number])
                except MetastoreUnreachable as error:
                    problems.append(f"{uris[number]}: {error.args[0]}")
                    self.close()
                except CredentialsRefused:
                    self.close()
                    raise
                else:
                    self._first = number
                    break
            else:
                raise MetastoreUnreachable(f"no metastore answers: {'; '.join(problems)}")
        return self._client

    def _open(self, uri: str) -> None:
        from hive_metastore.ThriftHiveMetastore import Client
        from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated

        self._transport = _transport(uri, self.access)
        self._transport.open()
        self._client = Client(TBinaryProtocolAccelerated(self._transport, fallback=False))
        if self.access.user and not self.access.kerberos_service:
            self._client.set_ugi(self.access.user, [])


class _UnknownCall(Exception):
    """The server has no such call."""


def _transport(uri: str, access: HiveAccess) -> Any:
    from thrift.transport import TSocket, TTransport

    at = urlsplit(uri)
    host, port = at.hostname or "", at.port or DEFAULT_PORT
    socket = _tls_socket(host, port, access) if access.use_tls else TSocket.TSocket(host, port)
    socket.setTimeout(access.timeout_s * 1000)
    if access.kerberos_service:
        from airflow_provider_livedata.engine.metastore.hive_sasl import SaslTransport

        return SaslTransport(socket, access.kerberos_service, host)
    return TTransport.TBufferedTransport(socket, 64 << 10)


def _tls_socket(host: str, port: int, access: HiveAccess) -> Any:
    import ssl

    from thrift.transport import TSSLSocket

    context = ssl.create_default_context(cafile=access.tls_ca or None)
    if access.tls_cert:
        context.load_cert_chain(access.tls_cert, access.tls_key or None)
    return TSSLSocket.TSSLSocket(host, port, ssl_context=context, server_hostname=host)


@contextlib.contextmanager
def _mapped(name: str, access: HiveAccess) -> Iterator[None]:
    from hive_metastore import ttypes
    from thrift.Thrift import TApplicationException, TException
    from thrift.transport.TTransport import TTransportException

    where = {"call": name, "metastore": ",".join(access.uris)}
    try:
        yield
    except TApplicationException as error:
        if error.type == TApplicationException.UNKNOWN_METHOD:
            raise _UnknownCall(name) from error
        raise MetastoreRefused(_said(error), **where) from error
    except (TTransportException, OSError, EOFError) as error:
        raise MetastoreUnreachable(
            f"the metastore does not answer: {_said(error)}{_hint(error, name, access)}", **where
        ) from error
    except ttypes.AlreadyExistsException as error:
        raise ObjectExists(_said(error), **where) from error
    except (ttypes.NoSuchObjectException, ttypes.UnknownDBException, ttypes.UnknownTableException) as error:
        raise ObjectMissing(_said(error), **where) from error
    except TException as error:
        raise MetastoreRefused(_said(error), **where) from error


def _hint(error: BaseException, name: str, access: HiveAccess) -> str:
    """What may be behind it that a server hangs up, says nothing, or answers in another way."""
    kind = getattr(error, "type", None)
    if access.kerberos_service:
        is_silent = name == "open" and kind in (TIMED_OUT, END_OF_FILE)
        return "; a server without Kerberos answers no ticket: leave kerberos_service empty then" if is_silent else ""
    if access.use_tls or kind not in NO_THRIFT:
        return ""
    return "; a server that answers like that may want Kerberos (kerberos_service) or TLS (use_tls)"


def _said(error: BaseException) -> str:
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    inner = getattr(
        error, "inner", None
    )  # Thrift's own message does not tell a refused connection from a certificate that nobody knows
    return f"{text}{f': {inner}' if inner else ''}"[:1000]
