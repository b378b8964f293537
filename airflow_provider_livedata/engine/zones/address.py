"""Addresses: ``scheme://[conn_id@]authority/path``, the form of Airflow's ObjectStoragePath."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from airflow_provider_livedata.engine.errors import BadAddress

_FORM = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<conn_id>[^@/]*)@)?(?P<authority>[^/@]*)(?P<path>/.*)?", re.DOTALL
)
_NO_NAMES = frozenset({"", ".", ".."})
_ALIASES = {"s3a": "s3", "s3n": "s3", "abfss": "abfs", "gcs": "gs"}


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a zone. ``path`` has no "/" at either end and is taken literally: nothing in it is percent-decoded."""

    scheme: str
    authority: str
    path: str
    conn_id: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address.

        Raises:
            BadAddress: It has another form, holds a password, or its path has ``.`` or ``..`` as a name.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise BadAddress(
                "not an address; write scheme://[conn_id@]authority/path, for example "
                "hdfs://hdfs_prod@nn1:8020/data/sales or s3://aws_default@bucket/prefix",
                address=text,
            )
        if ":" in (match["conn_id"] or ""):
            raise BadAddress(
                "an address names a connection and never holds a password; "
                "put the credentials into an Airflow connection and write its id before the @",
                scheme=match["scheme"],
                authority=match["authority"],
            )
        path = (match["path"] or "").strip("/")
        scheme = match["scheme"].lower()
        return cls(_ALIASES.get(scheme, scheme), match["authority"], _checked(path, text), match["conn_id"] or None)

    def __str__(self) -> str:
        connection = f"{self.conn_id}@" if self.conn_id else ""
        return f"{self.scheme}://{connection}{self.authority}/{self.path}"

    def join(self, path: str) -> Address:
        """The address of ``path``, relative to this one."""
        return replace(self, path=self.path_of(path))

    def path_of(self, path: str) -> str:
        """The path of ``join``."""
        path = path.strip("/")
        return _checked(f"{self.path}/{path}" if self.path and path else self.path or path, path)

    def overlaps(self, other: Address) -> bool:
        """Whether both are the same place or one lies inside the other, the connection left aside."""
        if (self.scheme, self.authority) != (other.scheme, other.authority):
            return False
        ours, theirs = self._names(), other._names()
        shorter = min(len(ours), len(theirs))
        return ours[:shorter] == theirs[:shorter]

    def lies_in(self, other: Address) -> bool:
        """Whether this is ``other`` or a place below it, the connection left aside."""
        return self.overlaps(other) and len(self._names()) >= len(other._names())

    def _names(self) -> list[str]:
        return self.path.split("/") if self.path else []


def _checked(path: str, given: str) -> str:
    names = path.split("/") if path else []
    if not _NO_NAMES.isdisjoint(names) or "\0" in path:
        raise BadAddress(
            "a path may not hold empty names, '.', '..' or NUL; write the place that is meant", address=given
        )
    return path
