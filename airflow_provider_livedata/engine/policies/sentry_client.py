"""Calls of the policy service of Apache Sentry by Thrift: errors mapped here, what may succeed later tried again, calls counted.

no answer, the connection broke      PolicyStoreUnreachable   tried again, on a new connection
access denied                        PolicyAccessRefused
anything else than OK                PolicyRefused            Sentry's own words, with their ``status``
"""

from __future__ import annotations

import contextlib
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from airflow_provider_livedata.engine.errors import PolicyAccessRefused, PolicyRefused, PolicyStoreUnreachable
from airflow_provider_livedata.engine.retry import DEFAULT_POLICY, RetryPolicy, retry

SERVICE = "SentryPolicyService"
PROTOCOL = 2  # version of the protocol: of Sentry 1.5 to 2.1
CONNECT_MS = 10_000
_OK, _DENIED = 0, 5


@lru_cache(maxsize=1)
def idl() -> Any:
    """The module that ``sentry.thrift`` becomes."""
    import thriftpy2

    return thriftpy2.load(str(Path(__file__).with_name("sentry.thrift")), module_name="livedata_sentry_thrift")


class SentryClient:
    """One service. Without Kerberos: it takes the user's word.

    Args:
        host: Where it listens.
        port: 8038, unless it is set up otherwise.
        user: Who asks; an administrator of Sentry sees all roles.
        timeout_s: Seconds that one answer may take.
        policy: Of trying again.
    """

    def __init__(
        self, host: str, port: int, user: str, *, timeout_s: float = 60.0, policy: RetryPolicy = DEFAULT_POLICY
    ) -> None:
        self.where, self.user = f"{host}:{port}", user
        self.calls: Counter[str] = Counter()
        self._address, self._timeout_s, self._policy = (host, port), timeout_s, policy
        self._client: Any = None

    def call(self, name: str, request: Any) -> Any:
        """What a call answers.

        Raises:
            PolicyStoreError: See above.
        """
        return retry(lambda: self._sent(name, request), self._policy)

    def close(self) -> None:
        """Let go of the connection. Idempotent."""
        if self._client is not None:
            with contextlib.suppress(Exception):  # it may be broken already
                self._client.close()
            self._client = None

    def _sent(self, name: str, request: Any) -> Any:
        from thriftpy2.thrift import TException

        self.calls[name] += 1
        try:
            if self._client is None:
                self._client = self._connected()
            answer = getattr(self._client, name)(request)
        except (TException, OSError, EOFError) as error:
            self.close()
            raise PolicyStoreUnreachable(
                f"Sentry does not answer: {type(error).__name__}: {error}", server=self.where, call=name
            ) from None
        return _checked(answer, name)

    def _connected(self) -> Any:
        import thriftpy2.protocol
        import thriftpy2.thrift
        import thriftpy2.transport

        protocol, transport, thrift = (
            cast("Any", one) for one in (thriftpy2.protocol, thriftpy2.transport, thriftpy2.thrift)
        )
        host, port = self._address
        socket = transport.TSocket(host, port, socket_timeout=self._timeout_s * 1000, connect_timeout=CONNECT_MS)
        wire = transport.TBufferedTransport(socket)
        wire.open()
        return thrift.TClient(
            idl().SentryPolicyService, protocol.TMultiplexedProtocol(protocol.TBinaryProtocol(wire), SERVICE)
        )


def _checked(answer: Any, name: str) -> Any:
    status = answer.status
    if status.value == _OK:
        return answer
    kind = PolicyAccessRefused if status.value == _DENIED else PolicyRefused
    raise kind(f"Sentry refuses: {str(status.message)[:1000]}", call=name, status=status.value)
