"""Who asks Azure Blob Storage: the account's key, a shared access signature, or a token of Microsoft Entra.

Microsoft's sources: Authorize with Shared Key; Create a service SAS; OAuth 2.0 client credentials; managed identities (IMDS).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from airflow_provider_livedata.engine.errors import CredentialsRefused
from airflow_provider_livedata.engine.zones.objects.http import Request, form

VERSION = "2021-12-02"  # of the service's language that is spoken here
RESOURCE = "https://storage.azure.com/"
LOGIN = "https://login.microsoftonline.com"
IMDS = "http://169.254.169.254/metadata/identity/oauth2/token"
_SIGNED = ("Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date", "If-Modified-Since",
           "If-Match", "If-None-Match", "If-Unmodified-Since", "Range")  # fmt: skip


class SharedKey(NamedTuple):
    """An account and its key."""

    account: str
    key: bytes

    def __repr__(self) -> str:
        return f"SharedKey({self.account!r})"

    @classmethod
    def of(cls, account: str, text: str) -> SharedKey:
        """Read a key, which is Base64.

        Raises:
            CredentialsRefused: It is not.
        """
        try:
            return cls(account, base64.b64decode(text, validate=True))
        except binascii.Error:
            raise CredentialsRefused(
                "the account's key is not Base64; correct the connection", account=account
            ) from None

    def headers(self, request: Request) -> dict[str, str]:
        """What signs a request."""
        dated = {"x-ms-date": formatdate(usegmt=True)}
        text = _text_of(self.account, request.method, request.url, {**request.headers, **dated})
        return {**dated, "Authorization": f"SharedKey {self.account}:{self._sign(text)}"}

    def sas(self, container: str, name: str) -> str:
        """A query that lets whoever has it read one blob for an hour: the store itself, which is told to copy from there."""
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        resource = f"/blob/{self.account}/{container}/{name}"
        fields = ["r", "", until, resource, "", "", "", VERSION, "b", "", "", "", "", "", "", ""]
        given = {"sv": VERSION, "sr": "b", "sp": "r", "se": until, "sig": self._sign("\n".join(fields))}
        return urlencode(given, quote_via=quote)

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.new(self.key, text.encode(), hashlib.sha256).digest()).decode()


def _text_of(account: str, method: str, url: str, headers: Mapping[str, str]) -> str:
    given = {name.lower(): value for name, value in headers.items()}
    usual = [given.get(name.lower(), "") for name in _SIGNED]
    usual = [
        "" if name == "Content-Length" and value == "0" else value for name, value in zip(_SIGNED, usual, strict=True)
    ]
    ours = [f"{name}:{given[name]}" for name in sorted(given) if name.startswith("x-ms-")]
    parts = urlsplit(url)
    query = sorted((name.lower(), value) for name, value in parse_qsl(parts.query, keep_blank_values=True))
    resource = [f"/{account}{parts.path or '/'}", *(f"{name}:{value}" for name, value in query)]
    return "\n".join([method, *usual, *ours, *resource])


def by_secret(tenant: str, client: str, secret: str) -> Callable[[], Request]:
    """What asks for a token of an application with its secret."""
    authority = os.environ.get("AZURE_AUTHORITY_HOST", LOGIN).rstrip("/")
    fields = {
        "grant_type": "client_credentials",
        "client_id": client,
        "client_secret": secret,
        "scope": f"{RESOURCE}.default",
    }
    return lambda: form(f"{authority}/{quote(tenant, safe='')}/oauth2/v2.0/token", fields)


def by_machine(client: str = "") -> Callable[[], Request]:
    """What asks for a token of the machine's own identity, or of that one of its identities."""
    query = urlencode({"api-version": "2018-02-01", "resource": RESOURCE, **({"client_id": client} if client else {})})
    return lambda: Request("GET", f"{IMDS}?{query}", {"Metadata": "true"})
