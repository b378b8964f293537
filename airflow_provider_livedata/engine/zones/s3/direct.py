"""HEADs, copies and streamed writes of one object by the parts of a boto3 client instead of through it, which takes half of its CPU.

    parameters -> serialize -> sign -> send -> parse      botocore's own, each; without its events, endpoint rules and retries

A store that refuses has done nothing: then, as for whatever else is unusual, the client is asked, which explains and tries again. So
nothing is taken for absent before the client has said so. Only a body that is read once cannot be sent again: a store that refuses
after its first byte has said all that there is to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.auth import AUTH_TYPE_MAPS
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError, ResponseParserFactory
from botocore.serialize import create_serializer
from botocore.utils import parse_timestamp, percent_encode

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel
    from mypy_boto3_s3 import S3Client

# What is asked, and the field of the answer that holds the ETag, None for the answer itself.
OPERATIONS: Mapping[str, tuple[str, str | None]] = {
    "head_object": ("HeadObject", None),
    "copy_object": ("CopyObject", "CopyObjectResult"),
}
_PUT = "PutObject"
_UNRESERVED = "-._~"  # RFC 3986, 2.3


class Direct:
    """Thread-safe, as the client is, whose connections it shares."""

    def __init__(self, client: S3Client, url: str, credentials: Any, agent: str) -> None:
        """``url``: of the bucket. ``credentials``: botocore's, which it renews when that is due. ``agent``: how we call ourselves."""
        self._config, self._model, self._region = client.meta.config, client.meta.service_model, client.meta.region_name
        self._agent, self._sign = agent, AUTH_TYPE_MAPS["s3v4"]
        self._http = client._endpoint.http_session  # type: ignore[attr-defined]  # has the proxies and authorities of the client
        self._url, self._credentials = url, credentials
        self._serializer = create_serializer("rest-xml", include_validation=False)

    def ask(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """What the client's method of that name would return for these parameters, all but ``Bucket``; None: ask the client.

        Args:
            operation: One of ``OPERATIONS``.
            given: With ``Key``.

        Raises:
            ClientError, HTTPClientError: Nobody knows whether the store has done it.
        """
        name, holder = OPERATIONS[operation]
        model = self._model.operation_model(name)
        if not _is_ascii(given.get("Metadata", {})):
            return None
        response = self._http.send(self._signed(self._made(model, given)).prepare())
        status, is_question = response.status_code, holder is None
        if 300 <= status < 500:
            return None
        told = _parsed(model, response)
        if status < 300 and "ETag" in (told.get(holder, {}) if holder else told):
            return told
        if status < 300 and is_question:
            return None
        # S3 may find out that it cannot copy after it has answered with 200.
        told["ResponseMetadata"] = {"HTTPStatusCode": max(500, status)}
        raise ClientError(told, name)  # type: ignore[arg-type]  # a plain dictionary

    def put(self, given: Mapping[str, Any], announce: Callable[[AWSRequest], object]) -> dict[str, Any] | None:
        """The ETag that the client's ``put_object`` would return for a body that is read once; None: ask the client, nothing of it was sent.

        The store is asked first whether it wants the body, as the client does it.

        Args:
            given: All but ``Bucket``; ``Body`` tells by ``tell()`` whether it has been read from.
            announce: Called with the request before it is signed.

        Raises:
            ClientError: The store refuses the object, or nobody knows.
            HTTPClientError: Nobody knows whether the store has it.
        """
        model = self._model.operation_model(_PUT)
        if not _is_ascii(given.get("Metadata", {})):
            return None
        request = self._made(model, given)
        announce(request)
        # RFC 9110, 10.1.1; botocore knows it as bytes alone
        self._signed(request).headers["Expect"] = b"100-continue"  # type: ignore[assignment]
        response = self._http.send(request.prepare())
        status = response.status_code
        if 300 <= status < 500 and not given["Body"].tell():
            return None
        if status < 300:
            return {"ETag": tag} if (tag := response.headers.get("ETag")) else {}
        told = _parsed(model, response)
        told["ResponseMetadata"] = {"HTTPStatusCode": status}
        raise ClientError(told, _PUT)  # type: ignore[arg-type]  # a plain dictionary

    def _made(self, model: OperationModel, given: Mapping[str, Any]) -> AWSRequest:
        parameters = dict(given)
        if origin := parameters.get("CopySource"):
            parameters["CopySource"] = percent_encode(f"{origin['Bucket']}/{origin['Key']}", safe=f"/{_UNRESERVED}")
        made = self._serializer.serialize_to_request({"Bucket": "", **parameters}, model)
        url = f"{self._url}/{percent_encode(given['Key'], safe=f'/{_UNRESERVED}')}"
        headers = made["headers"] | {"User-Agent": self._agent}
        return AWSRequest(made["method"], url, headers=headers, data=given.get("Body"))

    def _signed(self, request: AWSRequest) -> AWSRequest:
        request.context["client_config"] = self._config
        signer = self._sign(self._credentials.get_frozen_credentials(), "s3", self._region)  # type: ignore[call-arg]  # one of S3
        signer.add_auth(request)
        return request


def _is_ascii(metadata: Mapping[str, str]) -> bool:
    return all(name.isascii() and value.isascii() for name, value in metadata.items())


def _parsed(model: OperationModel, response: AWSResponse) -> dict[str, Any]:
    given = {"headers": response.headers, "status_code": response.status_code, "body": response.content}
    try:
        return dict(_PARSER.parse(given, model.output_shape))  # type: ignore[arg-type]  # both have one
    except (ValueError, ResponseParserError):  # a header that is no time, for one
        return {}


def _when(text: str) -> datetime:
    try:  # a tenth of what dateutil takes
        return datetime.fromisoformat(text) if text[:1].isdigit() else parsedate_to_datetime(text)
    except ValueError:
        return parse_timestamp(text)


_factory = ResponseParserFactory()
_factory.set_parser_defaults(timestamp_parser=_when)
_PARSER = _factory.create_parser("rest-xml")
