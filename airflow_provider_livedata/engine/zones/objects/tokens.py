"""Access tokens (OAuth 2.0), each used until shortly before it ends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from airflow_provider_livedata.engine.errors import CredentialsRefused, ZoneUnreachable
from airflow_provider_livedata.engine.zones.objects.http import Http, Request

_EARLY_S = 120.0  # a token is renewed so long before it ends


class Tokens:
    """Hands out an access token, and asks for another one before it ends. Thread-safe."""

    def __init__(self, request: Callable[[], Request], *, retries: int, timeout_s: float) -> None:
        self._request = request
        self._http = Http("the service that gives tokens", lambda _: {}, connections=1, retries=retries,
                          timeout_s=timeout_s, verify=True)  # fmt: skip
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    def header(self) -> dict[str, str]:
        """The header that authorizes a request.

        Raises:
            CredentialsRefused: The key is not accepted.
            ZoneUnreachable: The service that gives tokens does not answer.
        """
        with self._lock:
            if time.monotonic() > self._until:
                self._renew()
            return {"Authorization": f"Bearer {self._token}"}

    def _renew(self) -> None:
        answer = self._http.send(self._request())
        if answer.status in {400, 401, 403, 404}:
            raise CredentialsRefused(
                "no token is given for these credentials; correct the connection", status=answer.status
            )
        try:
            said = json.loads(answer.body)
            self._token, lasts_s = str(said["access_token"]), float(said.get("expires_in", 3600))
        except (ValueError, KeyError, TypeError):
            raise ZoneUnreachable(
                "the service that gives tokens answered with something else", status=answer.status
            ) from None
        self._until = time.monotonic() + max(lasts_s - _EARLY_S, 1.0)

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()
