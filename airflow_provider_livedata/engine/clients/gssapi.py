"""Kerberos tickets shown to a service, by the system's own library (MIT's ``libgssapi_krb5``, which ``hdfs_native`` uses too).

No package of Python is needed: the few calls are made through ctypes. The ticket is the one in the process's cache (``KRB5CCNAME``), or is got
by its keytab (``KRB5_CLIENT_KTNAME``).

Source: RFC 2744 (the C bindings of GSS-API), RFC 4752 (the SASL mechanism GSSAPI).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from ctypes import Structure, byref, c_int, c_size_t, c_uint32, c_void_p
from typing import Any, Self

from airflow_provider_livedata.engine.errors import BadInput, CredentialsRefused

LIBRARY = "gssapi_krb5"
_CONTINUE = 1  # the other side has to answer before it is settled
_ERRORS = 0xFFFF0000
_MUTUAL, _REPLAY, _SEQUENCE, _PRIVATE, _INTEGRITY = 2, 4, 8, 16, 32
_BY_GSS, _BY_MECHANISM = 1, 2  # whose message of an error


class _Counted(Structure):
    keeps: bytes  # what the pointer is to, so that it stays

    @classmethod
    def of(cls, data: bytes) -> Self:
        """A length, then a pointer to that many bytes."""
        made = cls(len(data), ctypes.cast(ctypes.c_char_p(data), c_void_p))
        made.keeps = data
        return made


class _Buffer(_Counted):
    _fields_ = (("length", c_size_t), ("value", c_void_p))


class _Oid(_Counted):
    _fields_ = (("length", c_uint32), ("elements", c_void_p))


_KERBEROS = _Oid.of(bytes.fromhex("2a864886f712010202"))  # 1.2.840.113554.1.2.2
_SERVICE_NAME = _Oid.of(bytes.fromhex("2a864886f71201020104"))  # service@host


class Ticket:
    """One conversation with ``service`` at ``host``. Close it.

    Raises:
        BadInput: The library is not there.
        CredentialsRefused: Of each method: there is no ticket, or the service does not take it; in the library's own words.
    """

    def __init__(self, service: str, host: str) -> None:
        self._library = _library()
        self.service = f"{service}@{host}"
        self.is_settled = False
        self._context, self._name = c_void_p(), c_void_p()
        name = _Buffer.of(self.service.encode())
        self._call("gss_import_name", byref(name), byref(_SERVICE_NAME), byref(self._name))

    def step(self, token: bytes) -> bytes:
        """What to say next, after what the service said (at first nothing); ``is_settled`` once both sides are sure."""
        answer = _Buffer()
        status = self._call(
            "gss_init_sec_context", None, byref(self._context), self._name, byref(_KERBEROS),
            c_uint32(_MUTUAL | _REPLAY | _SEQUENCE | _PRIVATE | _INTEGRITY), c_uint32(0), None, byref(_Buffer.of(token)), None, byref(answer),
            None, None,
        )  # fmt: skip
        self.is_settled = not status & _CONTINUE
        return self._taken(answer)

    def wrapped(self, data: bytes, *, is_private: bool = False) -> bytes:
        """Data that the other side can tell to be ours and whole; ``is_private``: and that nobody else can read."""
        answer = _Buffer()
        self._call(
            "gss_wrap", self._context, c_int(is_private), c_uint32(0), byref(_Buffer.of(data)), None, byref(answer)
        )
        return self._taken(answer)

    def unwrapped(self, data: bytes) -> bytes:
        """What the other side wrapped."""
        answer = _Buffer()
        self._call("gss_unwrap", self._context, byref(_Buffer.of(data)), byref(answer), None, None)
        return self._taken(answer)

    def close(self) -> None:
        """Forget it. Idempotent."""
        minor = c_uint32()
        if self._context.value:
            self._library.gss_delete_sec_context(byref(minor), byref(self._context), None)
        if self._name.value:
            self._library.gss_release_name(byref(minor), byref(self._name))

    def _call(self, function: str, *arguments: Any) -> int:
        minor = c_uint32()
        status = int(getattr(self._library, function)(byref(minor), *arguments))
        if status & _ERRORS:
            raise CredentialsRefused(
                f"Kerberos: {self._said(status, _BY_GSS)}: {self._said(minor.value, _BY_MECHANISM)}; get a ticket (kinit), or name a keytab "
                "in KRB5_CLIENT_KTNAME, for the user that Airflow's workers run as",
                service=self.service,
            )  # fmt: skip
        return status

    def _said(self, status: int, whose: int) -> str:
        minor, more, text = c_uint32(), c_uint32(), _Buffer()
        self._library.gss_display_status(
            byref(minor), c_uint32(status), c_int(whose), byref(_KERBEROS), byref(more), byref(text)
        )
        return self._taken(text).decode(errors="replace")

    def _taken(self, buffer: _Buffer) -> bytes:
        """The bytes of a buffer, which is given back."""
        data = ctypes.string_at(buffer.value, buffer.length) if buffer.value else b""
        self._library.gss_release_buffer(byref(c_uint32()), byref(buffer))
        return data


@functools.cache
def _library() -> Any:
    name = ctypes.util.find_library(LIBRARY)
    if name is None:
        raise BadInput(f"Kerberos needs lib{LIBRARY}, which is not on this machine: apt-get install libgssapi-krb5-2")
    found = ctypes.CDLL(name)
    for function in ("gss_import_name", "gss_init_sec_context", "gss_wrap", "gss_unwrap", "gss_display_status"):
        getattr(found, function).restype = c_uint32
    return found
