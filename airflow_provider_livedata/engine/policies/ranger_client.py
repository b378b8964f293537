"""Requests to Ranger Admin: errors mapped here, what may succeed later tried again with back-off and jitter, requests counted.

no answer, 500 and above       PolicyStoreUnreachable   tried again where the request may be repeated
409, 429                       PolicyStoreBusy          tried again where the request may be repeated
401, 403                       PolicyAccessRefused
404                            PolicyMissing
anything else                  PolicyRefused            Ranger's own words, with their ``status``

``apache-ranger`` of PyPI is not used: it answers None for 404 and for 503 alike, which cannot be told from an empty list, and waits for
ever for a server that does not answer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth

from airflow_provider_livedata.engine.errors import (
    BadInput,
    PolicyAccessRefused,
    PolicyMissing,
    PolicyRefused,
    PolicyStoreBusy,
    PolicyStoreError,
    PolicyStoreUnreachable,
)
from airflow_provider_livedata.engine.retry import DEFAULT_POLICY, RetryPolicy, retry

API = "service/public/v2/api"
PAGE = 200  # the most that Ranger gives in one answer, unless it is set up otherwise
_ERRORS: dict[int, type[PolicyStoreError]] = {
    401: PolicyAccessRefused, 403: PolicyAccessRefused, 404: PolicyMissing, 409: PolicyStoreBusy, 429: PolicyStoreBusy,
}  # fmt: skip


class RangerClient:
    """One Ranger Admin. ``calls`` counts the requests that were sent.

    Args:
        url: As ``https://ranger.example.com:6182``.
        user: Who asks; needs to be an administrator of the policies to write them.
        password: Theirs.
        verify: Whether, or by which file of certificates, the server's certificate is checked.
        timeout_s: Seconds that one answer may take.
        policy: Of trying again.
    """

    def __init__(
        self, url: str, user: str, password: str, *, verify: bool | str = True, timeout_s: float = 60.0, policy: RetryPolicy = DEFAULT_POLICY
    ) -> None:  # fmt: skip
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise BadInput("Ranger is at http:// or https:// and a host; user and password are given apart")
        self.url = url.rstrip("/")
        self.calls: Counter[str] = Counter()
        self._policy, self._timeout_s = policy, timeout_s
        self._session = requests.Session()
        self._session.auth = HTTPBasicAuth(user.encode(), password.encode())  # texts would have to be Latin-1
        self._session.trust_env = False  # no netrc: it would replace the user
        self._session.verify = verify
        self._session.headers["Accept"] = "application/json"

    def close(self) -> None:
        """Let go of connections. Idempotent."""
        self._session.close()

    def get(self, path: str, **query: Any) -> Any:
        """What is there.

        Raises:
            PolicyStoreError: See above.
        """
        return retry(lambda: self._sent("GET", path, query, None), self._policy)

    def listed(self, path: str, field: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a listing, page by page; a short page may not be the last, an empty one is."""
        start = 0
        while True:
            told = self.get(path, startIndex=start, pageSize=PAGE, **query)
            page = told if isinstance(told, list) else (told or {}).get(field)
            if not isinstance(page, list):
                raise PolicyRefused("Ranger answered something else than a list", path=path)
            yield from page
            start += len(page)
            if not page:
                return

    def post(self, path: str, value: Any, **query: Any) -> Any:
        """Make something. Not tried again: whether an attempt that failed took place is for the caller to find out."""
        return self._sent("POST", path, query, value)

    def put(self, path: str, value: Any, **query: Any) -> Any:
        """Replace something."""
        return retry(lambda: self._sent("PUT", path, query, value), self._policy)

    def delete(self, path: str) -> None:
        """Remove something; it may be gone already."""
        try:
            retry(lambda: self._sent("DELETE", path, {}, None), self._policy)
        except PolicyMissing:
            return

    def _sent(self, method: str, path: str, query: dict[str, Any], value: Any) -> Any:
        self.calls[f"{method} {path.removeprefix(API).strip('/').split('/')[0]}"] += 1
        body = None if value is None else json.dumps(value, ensure_ascii=False).encode()
        try:
            answer = self._session.request(
                method, f"{self.url}/{path}", params=query, data=body, timeout=self._timeout_s, allow_redirects=False,
                headers={"Content-Type": "application/json"} if body else None,
            )  # fmt: skip
        except requests.RequestException as error:
            raise PolicyStoreUnreachable(
                f"Ranger does not answer: {type(error).__name__}", url=self.url, request=f"{method} {path}"
            ) from None
        return _read(answer, f"{method} {path}")


def _read(answer: requests.Response, request: str) -> Any:
    if 200 <= answer.status_code < 300:
        try:
            return answer.json() if answer.content else None
        except ValueError:
            raise PolicyRefused(
                "Ranger answered something else than JSON; is that its address?", request=request
            ) from None
    where: dict[str, Any] = {"status": answer.status_code, "request": request}
    said = _said(answer)
    if answer.status_code >= 500:
        raise PolicyStoreUnreachable(f"Ranger failed: {said}", **where)
    if 300 <= answer.status_code < 400:
        raise PolicyRefused("Ranger sends us elsewhere; give the address that answers by itself", **where)
    raise _ERRORS.get(answer.status_code, PolicyRefused)(f"Ranger refuses: {said}", **where)


def _said(answer: requests.Response) -> str:
    try:
        value = answer.json()
        return str(value.get("msgDesc") or value)[:1000]
    except (ValueError, AttributeError):
        return answer.reason or "without a word"
