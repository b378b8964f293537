"""Who asks Google Cloud Storage: access tokens from a service account's key, a user's, or the machine's own account.

Google's sources: OAuth 2.0 for server to server applications (RFC 7523), and the metadata server of Compute Engine.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airflow_provider_livedata.engine.errors import BadOption, CredentialsRefused
from airflow_provider_livedata.engine.zones.objects.http import Request, form

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
TOKEN_URI = "https://oauth2.googleapis.com/token"
METADATA_HOST = "metadata.google.internal"
_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def found_key() -> dict[str, Any] | None:
    """The key of the environment, as every client of Google looks for it; None where there is none.

    Raises:
        CredentialsRefused: What the environment names cannot be read.
    """
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    usual = Path.home() / ".config" / "gcloud" / "application_default_credentials.json"
    if not named and not usual.is_file():
        return None
    return read_key(named or str(usual))


def read_key(path: str) -> dict[str, Any]:
    """The key in a file.

    Raises:
        CredentialsRefused: It cannot be read, or holds none.
    """
    try:
        key = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CredentialsRefused("the key file cannot be read", key_path=path, error=type(error).__name__) from None
    if not isinstance(key, dict):
        raise CredentialsRefused("the key file holds no key", key_path=path)
    return key


def request_of(key: Mapping[str, Any] | None) -> Callable[[], Request]:
    """What asks for a token with that key; None: as the machine's own account.

    Raises:
        BadOption: The key is of another kind, or lacks fields.
    """
    if key is None:
        return _of_machine
    kind = key.get("type")
    needed = {"service_account": ("client_email", "private_key"),
              "authorized_user": ("client_id", "client_secret", "refresh_token")}  # fmt: skip
    if kind not in needed:
        raise BadOption("a Google key must be that of a service account or of an authorized user; other kinds are not known here",
                        type=str(kind))  # fmt: skip
    lacks = [name for name in needed[kind] if not key.get(name)]
    if lacks:
        raise BadOption("the Google key lacks fields", lacks=lacks)
    return (lambda: _of_service(key)) if kind == "service_account" else (lambda: _of_user(key))


def _of_machine() -> Request:
    host = os.environ.get("GCE_METADATA_HOST", METADATA_HOST)
    url = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
    return Request("GET", url, {"Metadata-Flavor": "Google"})


def _of_user(key: Mapping[str, Any]) -> Request:
    fields = {name: key[name] for name in ("client_id", "client_secret", "refresh_token")}
    return form(str(key.get("token_uri", TOKEN_URI)), {"grant_type": "refresh_token", **fields})


def _of_service(key: Mapping[str, Any]) -> Request:
    uri, now = str(key.get("token_uri", TOKEN_URI)), int(time.time())
    claims = {"iss": key["client_email"], "scope": SCOPE, "aud": uri, "iat": now, "exp": now + 3600}
    header = {"alg": "RS256", "typ": "JWT", **({"kid": key["private_key_id"]} if key.get("private_key_id") else {})}
    signed = ".".join(_part(json.dumps(one).encode()) for one in (header, claims))
    return form(uri, {"grant_type": _JWT, "assertion": f"{signed}.{_part(_signature(key['private_key'], signed))}"})


def _signature(private_key: str, text: str) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError):
        raise CredentialsRefused("the private key of the Google key cannot be read") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CredentialsRefused("the private key of the Google key is of another kind than RSA")
    return key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
