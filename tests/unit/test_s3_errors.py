"""No exception of an S3 client passes, and none of what it quotes."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import boto3.exceptions
import obstore.exceptions
import pytest
import urllib3.exceptions
from botocore import exceptions as boto

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    BucketMissing,
    ChecksumMismatch,
    CredentialsRefused,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    Unsupported,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT, Expect
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.s3.errors import s3_errors

ADDRESS = Address("s3", "bucket", "prefix")
SECRET = "wJalrXUtnFEMI"


def exceptions_of(*modules: object) -> list[type[Exception]]:
    return [
        kind
        for module in modules
        for name, kind in sorted(vars(module).items())
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, Warning)
        and getattr(kind, "__module__", "").startswith(("botocore", "boto3", "urllib3", "obstore", "pyo3"))
    ]  # fmt: skip


# Raised where a client is made or used wrongly, never by a request.
NOT_RAISED_BY_REQUESTS = {"UndefinedModelAttributeError", "MissingServiceIdError", "ProxySchemeUnsupported"}
CLIENT_EXCEPTIONS = [
    kind
    for kind in exceptions_of(boto, boto3.exceptions, urllib3.exceptions, obstore.exceptions)
    if kind.__name__ not in NOT_RAISED_BY_REQUESTS
]


def said(status: int, code: str) -> boto.ClientError:
    error = {"Code": code, "Message": f"quoting {SECRET}", "StringToSign": SECRET}
    return boto.ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "R1"}}, "Op")  # type: ignore[typeddict-item]


def quoted(status: int, code: str) -> obstore.exceptions.GenericError:
    return obstore.exceptions.GenericError(
        f"Generic S3 error: Server returned non-2xx status code: {status} X: <Error><Code>{code}</Code><Message>{SECRET}"
        f"</Message><RequestId>R1</RequestId></Error>\n\nDebug source:\n status code: 999 <Code>Wrong</Code>")  # fmt: skip


Answer = Callable[[int, str], Exception]


def translated(error: Exception, expect: Expect = None) -> ZoneError:
    with pytest.raises(ZoneError) as caught, s3_errors(ADDRESS, "a/b", action="s3:DoIt", expect=expect):
        raise error
    return caught.value


@pytest.mark.parametrize("kind", CLIENT_EXCEPTIONS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_exception_of_the_clients_becomes_an_error_of_the_engine(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    error.args = (SECRET,)
    if isinstance(error, boto.ClientError):
        error.response = {}
    if isinstance(error, (urllib3.exceptions.IncompleteRead, urllib3.exceptions.InvalidChunkLength)):
        vars(error).update(partial=0, expected=1, length=b"")  # their texts are made of these
    found = translated(error)
    assert found.where["error"] == kind.__name__
    assert found.where["address"] == "s3://bucket/prefix/a/b"


def test_there_are_many_such_exceptions() -> None:
    assert len(CLIENT_EXCEPTIONS) > 100


@pytest.mark.parametrize("answer", [said, quoted])
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchBucket", BucketMissing), (404, "NoSuchKey", PathMissing), (404, "NoSuchUpload", PathMissing),
        (403, "AccessDenied", PermissionRefused), (403, "SignatureDoesNotMatch", CredentialsRefused),
        (403, "InvalidAccessKeyId", CredentialsRefused), (400, "ExpiredToken", CredentialsRefused),
        (503, "SlowDown", ZoneBusy), (503, "Unheard", ZoneBusy), (429, "Unheard", ZoneBusy),
        (500, "InternalError", ZoneUnreachable), (502, "Unheard", ZoneUnreachable), (400, "BadDigest", ChecksumMismatch),
        (501, "NotImplemented", Unsupported), (403, "InvalidObjectState", Unsupported),
        (409, "ConditionalRequestConflict", ZoneBusy), (418, "Teapot", ZoneError),
    ],
)  # fmt: skip
def test_what_the_store_answers_is_understood_from_both_clients(
    answer: Answer, status: int, code: str, kind: type[ZoneError]
) -> None:
    found = translated(answer(status, code))
    assert type(found) is kind
    assert (found.where["code"], found.where["status"], found.where["request"]) == (code, status, "R1")


@pytest.mark.parametrize("answer", [said, quoted])
def test_a_failed_condition_depends_on_what_was_expected(answer: Answer) -> None:
    assert type(translated(answer(412, "PreconditionFailed"), ABSENT)) is AlreadyExists
    assert type(translated(answer(412, "PreconditionFailed"), "etag")) is ObjectChanged
    assert type(translated(answer(412, "PreconditionFailed"))) is ObjectChanged
    assert type(translated(answer(404, "NoSuchKey"), "etag")) is ObjectChanged
    assert type(translated(answer(404, "NoSuchUpload"), "etag")) is PathMissing
    assert type(translated(answer(404, "NoSuchBucket"), "etag")) is BucketMissing


@pytest.mark.parametrize("answer", [said, quoted])
def test_nothing_that_the_store_quotes_gets_out_and_the_error_survives_pickling(answer: Answer) -> None:
    found = translated(answer(403, "SignatureDoesNotMatch"))
    again = pickle.loads(pickle.dumps(found))
    assert (str(again), type(again)) == (str(found), type(found))
    assert SECRET not in str(found) + repr(found) + repr(found.where)
    assert found.__suppress_context__


def test_a_refusal_names_the_action_that_is_needed() -> None:
    assert "s3:DoIt" in str(translated(said(403, "AccessDenied")))


def test_mistakes_of_our_own_are_not_taken_for_failures_of_the_store() -> None:
    with pytest.raises(TypeError), s3_errors(ADDRESS):
        raise TypeError("ours")
