"""Thrift under SASL with Kerberos, as Hive's servers speak it.

    us      START "GSSAPI", then OK with a token of Kerberos, until both sides are sure
    them    which protections they take, and how much they read at once; us: one of those; them: COMPLETE
    then    frames of a length and a message, wrapped where a protection was agreed

Source: Thrift's TSaslTransport (a byte of status and four of length before each message); RFC 4752 (what is said at the end).
"""

from __future__ import annotations

import io
import struct
from typing import Any

from thrift.transport.TTransport import CReadableTransport, TTransportBase, TTransportException

from airflow_provider_livedata.engine.clients.gssapi import Ticket
from airflow_provider_livedata.engine.errors import CredentialsRefused

_START, _OK, _BAD, _ERROR, _COMPLETE = range(1, 6)
_PLAIN, _WHOLE, _PRIVATE = 1, 2, 4  # protections: none, that nothing is changed, that nothing is read
_PREFERRED = (_PLAIN, _WHOLE, _PRIVATE)  # where the server leaves the choice; TLS protects as well
MOST_OF_FRAME = 256 << 20


class SaslTransport(TTransportBase, CReadableTransport):  # type: ignore[misc]  # Thrift ships no types
    """Around a socket; ``service`` and ``host`` name the server's principal."""

    def __init__(self, socket: Any, service: str, host: str) -> None:
        self._socket = socket
        self._service, self._host = service, host
        self._ticket: Ticket | None = None
        self._protection = _PLAIN
        self._most = MOST_OF_FRAME
        self._written: list[bytes] = []
        self._buffer = io.BytesIO()  # what was received; the accelerated protocol reads from it by itself

    def isOpen(self) -> bool:  # noqa: N802 - Thrift's names
        """See Thrift."""
        return bool(self._socket.isOpen())

    def open(self) -> None:
        """Connect, and show the ticket.

        Raises:
            CredentialsRefused: There is no ticket, or the server does not take it.
            TTransportException: No answer, or not of a server with SASL.
        """
        self._ticket = Ticket(self._service, self._host)
        first = self._ticket.step(b"")  # without a ticket nobody is called
        if not self._socket.isOpen():
            self._socket.open()
        self._say(_START, b"GSSAPI")
        self._say(_OK, first)
        self._settle(self._ticket)

    def close(self) -> None:
        """See Thrift. Idempotent."""
        self._socket.close()
        if self._ticket is not None:
            self._ticket.close()
            self._ticket = None

    def read(self, size: int) -> bytes:
        """See Thrift: up to so many bytes."""
        data = self._buffer.read(size)
        if not data and size:
            self._buffer = io.BytesIO(self._frame())
            data = self._buffer.read(size)
        return data

    def write(self, data: bytes) -> None:
        """See Thrift."""
        self._written.append(bytes(data))

    def flush(self) -> None:
        """See Thrift: what was written goes as one frame, or as several where the server reads less at once."""
        data, self._written = b"".join(self._written), []
        step = len(data) if self._protection == _PLAIN else self._most
        for start in range(0, len(data), max(1, step)):
            self._send(self._protected(data[start : start + step]))
        self._socket.flush()

    @property
    def cstringio_buf(self) -> io.BytesIO:
        """See Thrift."""
        return self._buffer

    def cstringio_refill(self, partialread: bytes, reqlen: int) -> io.BytesIO:
        """See Thrift: what is left, and so much more that there is enough."""
        data = bytes(partialread)
        while len(data) < reqlen:
            data += self._frame()
        self._buffer = io.BytesIO(data)
        return self._buffer

    # ---- agreeing

    def _settle(self, ticket: Ticket) -> None:
        is_agreed = False
        while True:
            status, said = self._heard()
            if status == _COMPLETE:
                if not is_agreed:
                    raise TTransportException(
                        TTransportException.NOT_OPEN, "the server ended the talk before it proved who it is"
                    )
                return
            if not ticket.is_settled:
                self._say(_OK, ticket.step(said))
            else:
                self._say(_OK, self._agreed(ticket, said))
                is_agreed = True

    def _agreed(self, ticket: Ticket, said: bytes) -> bytes:
        offered = ticket.unwrapped(said)
        if len(offered) != 4:
            raise TTransportException(
                TTransportException.NOT_OPEN, "the server's offer of protections is no such offer"
            )
        self._protection = next((one for one in _PREFERRED if offered[0] & one), 0)
        if not self._protection:
            raise CredentialsRefused("the server takes no protection that is known here", offered=offered[0])
        most = int.from_bytes(offered[1:], "big")
        self._most = max(1, most - 1024) if most else MOST_OF_FRAME  # what wrapping adds has to fit
        ours = (0xFFFFFF if self._protection != _PLAIN else 0).to_bytes(3, "big")
        return ticket.wrapped(bytes([self._protection]) + ours)

    def _say(self, status: int, data: bytes) -> None:
        self._socket.write(struct.pack(">BI", status, len(data)) + data)
        self._socket.flush()

    def _heard(self) -> tuple[int, bytes]:
        status, size = struct.unpack(">BI", self._exactly(5))
        if status not in (_OK, _COMPLETE, _BAD, _ERROR) or size > MOST_OF_FRAME:
            raise TTransportException(
                TTransportException.NOT_OPEN, "the server does not speak SASL: it may run without Kerberos; leave kerberos_service empty then"
            )  # fmt: skip
        data = self._exactly(size)
        if status in (_BAD, _ERROR):
            raise CredentialsRefused(
                f"the server does not take the ticket: {data.decode(errors='replace')[:500]}", service=f"{self._service}@{self._host}"
            )  # fmt: skip
        return status, data

    # ---- frames

    def _protected(self, data: bytes) -> bytes:
        if self._protection == _PLAIN or self._ticket is None:
            return data
        return self._ticket.wrapped(data, is_private=self._protection == _PRIVATE)

    def _send(self, data: bytes) -> None:
        self._socket.write(struct.pack(">I", len(data)) + data)

    def _frame(self) -> bytes:
        (size,) = struct.unpack(">I", self._exactly(4))
        if size > MOST_OF_FRAME:
            raise TTransportException(TTransportException.SIZE_LIMIT, f"a frame of {size} bytes")
        data = self._exactly(size)
        return data if self._protection == _PLAIN or self._ticket is None else self._ticket.unwrapped(data)

    def _exactly(self, size: int) -> bytes:
        return bytes(self._socket.readAll(size))
