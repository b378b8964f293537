"""Calls of the Glue Data Catalog and of Lake Formation: errors mapped here, what is throttled tried again with back-off and jitter, calls counted.

throttled, changed at this moment by another        MetastoreBusy          tried again
no answer, an error of the service itself           MetastoreUnreachable   tried again: all that is asked may be repeated
credentials that have expired                       MetastoreUnreachable   not tried again: a new run has new ones
AlreadyExists, EntityNotFound                       ObjectExists, ObjectMissing
anything else                                       MetastoreRefused       the service's own words, with their ``code``
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from airflow_provider_livedata.engine.errors import (
    CatalogueError,
    LiveDataError,
    MetastoreBusy,
    MetastoreRefused,
    MetastoreUnreachable,
    ObjectExists,
    ObjectMissing,
)
from airflow_provider_livedata.engine.retry import DEFAULT_POLICY, RetryPolicy, retry

INVALID = frozenset(
    {"InvalidInputException", "ValidationException", "ParamValidationError"}
)  # something in the request is
BUSY = frozenset({
    "ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled", "RequestThrottledException", "RequestLimitExceeded",
    "TooManyRequestsException", "SlowDown", "ConcurrentModificationException", "ResourceNotReadyException", "FederationSourceRetryableException",
})  # fmt: skip
UNKNOWN = frozenset({"InternalServiceException", "OperationTimeoutException", "InternalFailure", "ServiceUnavailable"})
_EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken", "RequestExpired"})


class AwsClient:
    """One client of boto3, for ``what``.

    ``calls`` counts each call that was sent, by its name; ``catalog``: an account, where it is not the caller's own.
    """

    def __init__(
        self, client: Any, catalog: str = "", policy: RetryPolicy = DEFAULT_POLICY, *, what: str = "Glue"
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.policy = policy
        self._client, self._what = client, what
        self._catalog = {"CatalogId": catalog} if catalog else {}

    def close(self) -> None:
        """Let go of connections. Idempotent."""
        self._client.close()

    def call(self, name: str, **request: Any) -> dict[str, Any]:
        """What the call answers.

        Raises:
            CatalogueError: See above.
        """
        return retry(lambda: self._sent(name, request), self.policy, is_worth_it=_is_worth_it)

    def pages(self, name: str, field: str, **request: Any) -> Iterator[dict[str, Any]]:
        """The items of all pages; a page may be empty and yet not be the last."""
        token: dict[str, str] = {}
        while True:
            told = self.call(name, **request, **token)
            yield from told.get(field) or ()
            if not told.get("NextToken"):
                return
            token = {"NextToken": told["NextToken"]}

    def _sent(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls[name] += 1
        with _mapped(name, self._what):
            told: dict[str, Any] = getattr(self._client, name)(**self._catalog, **request)
            return told


def _is_worth_it(error: LiveDataError) -> bool:
    return error.retryable and error.where.get("code") not in _EXPIRED


@contextlib.contextmanager
def _mapped(name: str, what: str) -> Iterator[None]:
    from botocore import exceptions as boto

    try:
        yield
    except boto.ClientError as error:
        raise _meaning(name, what, error.response) from None  # it may quote headers
    except boto.ParamValidationError as error:
        raise MetastoreRefused(str(error)[:1000], call=name, code="ParamValidationError") from None
    except (boto.HTTPClientError, boto.ConnectionError, OSError) as error:
        raise MetastoreUnreachable(f"{what} does not answer: {error}", call=name) from None
    except boto.BotoCoreError as error:  # such as no credentials, no region
        raise MetastoreRefused(str(error)[:1000], call=name, code=type(error).__name__) from None


def _meaning(name: str, what: str, response: Any) -> CatalogueError:
    told, status = response.get("Error", {}), response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code, said = told.get("Code", ""), f"{told.get('Message') or told.get('Code')}"[:1000]
    where = {"call": name, "code": code}
    if code in BUSY or status == 429:
        return MetastoreBusy(f"{what} throttles, or another writer is at work: {said}", **where)
    if code in _EXPIRED:
        return MetastoreUnreachable(f"the credentials for {what} have expired: {said}", **where)
    if code in UNKNOWN or status >= 500:
        return MetastoreUnreachable(f"{what} failed: {said}", **where)
    kinds: dict[str, type[CatalogueError]] = {
        "AlreadyExistsException": ObjectExists,
        "EntityNotFoundException": ObjectMissing,
    }
    return kinds.get(code, MetastoreRefused)(f"{code}: {said}", **where)


def boto_client(service: str = "glue", *, region: str = "", endpoint_url: str = "", **keys: str) -> Any:
    """A client by what boto3 finds of credentials (environment, profile, role), or by the keys that are given.

    It does not try again by itself: ``AwsClient`` does.
    """
    import boto3
    from botocore.config import Config

    boto: Any = boto3  # its types know a client only by its literal name
    config = Config(retries={"total_max_attempts": 1})
    return boto.client(
        service, region_name=region or None, endpoint_url=endpoint_url or None, config=config, **keys
    )  # fmt: skip
