"""Who asks Google Cloud Storage, against a stand-in for the service that gives tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from airflow_provider_livedata.engine.errors import BadOption, CredentialsRefused, ZoneUnreachable
from airflow_provider_livedata.engine.zones.gs.auth import SCOPE, found_key, read_key, request_of
from airflow_provider_livedata.engine.zones.objects.tokens import Tokens
from tests.services.stand_in import Asked, HttpStandIn, Said

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = RSA.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


class TokenServer(HttpStandIn):
    """Stands in for Google's token service."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], dict[str, list[str]]]] = []
        self.answer: tuple[int, object] = (200, {"access_token": "the-token", "expires_in": 3600})
        super().__init__()

    def answered(self, asked: Asked) -> Said:
        self.asked.append((*asked[:3], parse_qs(asked.body.decode())))
        status, said = self.answer
        return status, json.dumps(said).encode(), {}


@pytest.fixture
def server() -> Iterator[TokenServer]:
    server = TokenServer()
    yield server
    server.close()


def tokens(key: dict[str, Any] | None) -> Tokens:
    return Tokens(request_of(key), retries=0, timeout_s=10)


def service_key(server: TokenServer) -> dict[str, str]:
    return {"type": "service_account", "client_email": "robot@project", "private_key": PEM, "private_key_id": "k1",
            "token_uri": f"http://{server.host}/token"}  # fmt: skip


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_service_account_signs_who_it_is_and_one_token_serves_many_requests(server: TokenServer) -> None:
    given = tokens(service_key(server))
    assert [given.header() for _ in range(3)] == [{"Authorization": "Bearer the-token"}] * 3
    ((_, _, _, form),) = server.asked
    header, claims, signature = form["assertion"][0].split(".")
    RSA.public_key().verify(decoded(signature), f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    said = json.loads(decoded(claims))
    assert (said["iss"], said["scope"], said["aud"]) == ("robot@project", SCOPE, f"http://{server.host}/token")
    assert said["exp"] - said["iat"] == 3600
    assert json.loads(decoded(header)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    given.close()


def test_a_token_that_is_about_to_end_is_renewed(server: TokenServer) -> None:
    server.answer = (200, {"access_token": "short", "expires_in": 3600})
    given = tokens(service_key(server))
    given.header()
    given._until = 0.0
    server.answer = (200, {"access_token": "next"})
    assert given.header() == {"Authorization": "Bearer next"}
    given.close()


def test_a_user_gives_the_refresh_token(server: TokenServer) -> None:
    key = {
        "type": "authorized_user",
        "client_id": "id",
        "client_secret": "s",
        "refresh_token": "r",
        "token_uri": f"http://{server.host}/t",
    }
    given = tokens(key)
    assert given.header() == {"Authorization": "Bearer the-token"}
    assert server.asked[0][3] == {"grant_type": ["refresh_token"], "client_id": ["id"], "client_secret": ["s"], "refresh_token": ["r"]}  # fmt: skip
    given.close()


def test_without_a_key_the_machine_is_asked(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", server.host)
    given = tokens(None)
    assert given.header() == {"Authorization": "Bearer the-token"}
    method, path, headers, _ = server.asked[0]
    assert (method, path) == ("GET", "/computeMetadata/v1/instance/service-accounts/default/token")
    assert headers["Metadata-Flavor"] == "Google"
    given.close()


@pytest.mark.parametrize("answer", [(401, {"error": "invalid_grant"}), (200, {"no": "token"}), (500, "broken")])
def test_a_refusal_is_told_without_the_key(server: TokenServer, answer: tuple[int, object]) -> None:
    server.answer = answer
    given = tokens(service_key(server))
    wanted = CredentialsRefused if answer[0] == 401 else ZoneUnreachable
    with pytest.raises(wanted) as caught:
        given.header()
    for secret in (PEM, PEM.splitlines()[1], "assertion"):
        assert secret not in str(caught.value)
    given.close()


@pytest.mark.parametrize(
    "key", [{"type": "external_account"}, {}, {"type": "service_account", "client_email": "x"}, {"type": "authorized_user"}]
)  # fmt: skip
def test_a_key_of_another_kind_or_in_pieces_is_refused_at_once(key: dict[str, str]) -> None:
    with pytest.raises(BadOption):
        tokens(key)


def test_a_private_key_that_is_none_is_refused_without_being_told(server: TokenServer) -> None:
    given = tokens({**service_key(server), "private_key": "secret nonsense"})
    with pytest.raises(CredentialsRefused) as caught:
        given.header()
    assert "nonsense" not in str(caught.value)
    assert server.asked == []
    given.close()


def test_the_environment_names_a_key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    assert found_key() is None
    usual = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    usual.parent.mkdir(parents=True)
    usual.write_text('{"type": "authorized_user"}')
    assert found_key() == {"type": "authorized_user"}
    named = tmp_path / "key.json"
    named.write_text('{"type": "service_account"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(named))
    assert found_key() == {"type": "service_account"}


@pytest.mark.parametrize("text", [None, "no json", "[]"])
def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "key.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CredentialsRefused, match="key.json"):
        read_key(str(file))
