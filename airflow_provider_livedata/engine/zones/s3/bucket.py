"""One prefix of one bucket: paths become keys, and every request is made and its failure translated here."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import obstore

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    IsADirectory,
    NameRefused,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    Unsupported,
    ZoneError,
)
from airflow_provider_livedata.engine.model import Absent, Expect
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.objects.listing import FOLDER, PAGE, Page, is_name
from airflow_provider_livedata.engine.zones.s3 import sharing as s3_sharing
from airflow_provider_livedata.engine.zones.s3.clients import S3Options, suits_obstore
from airflow_provider_livedata.engine.zones.s3.direct import OPERATIONS
from airflow_provider_livedata.engine.zones.s3.errors import FOREIGN, s3_errors
from airflow_provider_livedata.engine.zones.s3.listing import parse_page

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest

MAX_KEY_BYTES = 1024
FIRST_PAUSE_S = 0.5
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_CHANGED_BY_XML = re.compile("[\t\n\r]")


def fits_xml(key: str) -> bool:
    """Whether a request's XML can name the key; line breaks and tabs may come out changed."""
    return not (_NOT_XML.search(key) or _CHANGED_BY_XML.search(key))


class S3Bucket:
    """See the module's text. Thread-safe; holds no state but what it learnt of the store's listing."""

    def __init__(self, address: Address, options: S3Options) -> None:
        self.address = address
        self.options = options
        self.clients = s3_sharing.take(address, options)
        self.prefix = f"{address.path}/" if address.path else ""
        self._lists_any_key: bool | None = None

    def key(self, path: str) -> str:
        """The key of a file.

        Raises:
            NameRefused: No path, or longer than the 1,024 bytes of a key.
            IsADirectory: ``path`` is "", the root.
        """
        if not path:
            raise IsADirectory("the root is a directory", address=str(self.address))
        if not all(map(is_name, path.split("/"))):
            raise NameRefused("no path: it has an empty name, '.', '..', a NUL or bytes that are not UTF-8", path=path)
        key = self.prefix + path
        if len(key) * 4 > MAX_KEY_BYTES and len(key.encode()) > MAX_KEY_BYTES:
            raise NameRefused("the key would be longer than 1,024 bytes; shorten the path or the target's prefix",
                              path=path, key_bytes=len(key.encode()))  # fmt: skip
        return key

    def new_key(self, path: str, end: str = "") -> str:
        """The key of what is to be written: one that the store can also list."""
        key = self.key(path) + end
        if end and len(key.encode()) > MAX_KEY_BYTES:
            raise NameRefused("the marker's key would be longer than 1,024 bytes; shorten the path", path=path)
        if _NOT_XML.search(key) and not self._can_list_any_key():
            raise NameRefused("the name has characters that XML cannot hold, and this store lists its keys as plain "
                              "XML, so it would come back as another; rename or exclude it", path=path)  # fmt: skip
        return key

    def ask(
        self, operation: str, path: str = "", *, action: str, gives: str = "", expect: Expect = None, **parameters: Any
    ) -> dict[str, Any]:
        """Make a request by boto3; one that is conditional, and a completion, is made only once.

        Raises:
            ZoneError: As s3_errors translates it, or when the answer lacks the field ``gives``.
        """
        is_once = expect is not None or operation == "complete_multipart_upload"
        client = self.clients.once if is_once else self.clients.steady
        return self._ask(client, operation, path, action, gives, expect, parameters)

    def ask_with_stream(
        self, path: str, announce: Callable[[AWSRequest], object], *, expect: Expect = None, **parameters: Any
    ) -> dict[str, Any]:
        """Write an object, once, whose body can be read only once; ``announce`` is called with the request before it is signed.

        Raises:
            ZoneError: As ``ask`` does.
        """
        direct, client = self.clients.direct, self.clients.once
        with s3_errors(self.address, path, action="s3:PutObject", expect=expect):
            answer = None if direct is None else direct.put(parameters, announce)
            if answer is None:  # announced by a handler of the client's
                answer = dict(client.put_object(Bucket=self.clients.bucket, **parameters))
        return self._checked(answer, "put_object", "ETag")

    def _ask(
        self, client: Any, operation: str, path: str, action: str, gives: str, expect: Expect, given: dict[str, Any]
    ) -> dict[str, Any]:
        with s3_errors(self.address, path, action=action, expect=expect):
            answer = self._ask_directly(client, operation, given)
            if answer is None:
                answer = dict(getattr(client, operation)(Bucket=self.clients.bucket, **given))
        return self._checked(answer, operation, gives)

    def _checked(self, answer: dict[str, Any], operation: str, gives: str) -> dict[str, Any]:
        if gives and gives not in answer:
            raise ZoneError(f"the answer has no {gives}: this does not speak S3; check the endpoint",
                            address=str(self.address), operation=operation)  # fmt: skip
        return answer

    def _ask_directly(self, client: Any, operation: str, given: dict[str, Any]) -> dict[str, Any] | None:
        if self.clients.direct is None or operation not in OPERATIONS:
            return None
        try:
            return self.clients.direct.ask(operation, given)
        except FOREIGN:
            if client is self.clients.once or not self.options.retries:
                raise
        time.sleep(random.uniform(0, FIRST_PAUSE_S))  # the client, which asks next, makes only further pauses
        return None

    def page(self, under: str = "", *, token: str = "", limit: int = PAGE) -> Page:
        """One page of the keys below a directory ("" or with its "/"), relative to the zone's root."""
        further = {"ContinuationToken": token} if token else {}
        answer = self.ask("list_objects_v2", under, action="s3:ListBucket", Prefix=self.prefix + under, MaxKeys=limit,
                          EncodingType="url", **further)  # fmt: skip
        with s3_errors(self.address, under):
            page = parse_page(answer["RawBody"], self.prefix)
        self._lists_any_key = page.encodes
        return page

    def head(self, key: str, path: str) -> dict[str, Any] | None:
        """What HEAD tells of a key; None where nothing is (which may also be the bucket: a listing tells)."""
        try:
            return self.ask("head_object", path, action="s3:GetObject", gives="ETag", Key=key,
                            ChecksumMode="ENABLED")  # fmt: skip
        except PathMissing:
            return None
        except ZoneError as error:
            if error.where.get("status") in {301, 400, 403}:
                self._explain()
            raise

    def head_folder(self, path: str) -> tuple[str, dict[str, Any]] | None:
        """Key and HEAD of the marker that old s3n and EMR left for a directory ("" is the root)."""
        key = (self.prefix + path).removesuffix("/") + FOLDER
        try:
            answer = self.head(key, path) if len(key.encode()) <= MAX_KEY_BYTES else None
        except ZoneError as error:
            if error.where.get("status") != 400:  # it cannot even be asked for: longer than this store's names
                raise
            return None
        return (key, answer) if answer is not None and not answer["ContentLength"] else None

    def conditions(self, key: str, path: str, expect: Expect) -> dict[str, str]:
        """The headers that make a write conditional.

        Where the user promised to be the only writer (``exclusive``), the store is asked first instead.

        Raises:
            AlreadyExists, ObjectChanged: In that case, when what stands there is not what was expected.
        """
        if expect is None:
            return {}
        if not self.options.exclusive:
            return {"IfNoneMatch": "*"} if isinstance(expect, Absent) else {"IfMatch": f'"{expect}"'}
        self.refuse_other(key, path, expect)
        return {}

    def refuse_other(self, key: str, path: str, expect: Expect) -> None:
        """Ask the store what is at a key, and refuse what is not expected there.

        Raises:
            AlreadyExists, ObjectChanged: It is something else.
        """
        found = self._etag(key, path)
        if isinstance(expect, Absent) and found is not None:
            raise AlreadyExists("something is there already", address=str(self.address), path=path)
        if isinstance(expect, str) and found != expect:
            raise ObjectChanged("it is not what the writer expected to replace", address=str(self.address), path=path)

    def _etag(self, key: str, path: str) -> str | None:
        with suppress(ZoneError):  # whatever else than "nothing is there" boto3 explains
            try:
                with s3_errors(self.address, path, action="s3:GetObject"):
                    told = obstore.head(self.clients.store, key)["e_tag"] if suits_obstore(key) else None
            except PathMissing:
                return None
            if told:
                return told.strip('"')
        found = self.head(key, path)
        return None if found is None else str(found["ETag"]).strip('"')

    def refuse_size(self, size_bytes: int, limit: int, path: str) -> None:
        """Raise Unsupported for what is larger than S3 takes."""
        if size_bytes > limit:
            raise Unsupported("larger than S3 takes; exclude it", path=path, size_bytes=size_bytes, limit=limit)

    def _explain(self) -> None:
        # A HEAD's answer has no body. A listing's says whether it is the credentials, the region or the bucket.
        with suppress(PermissionRefused):
            self.page(limit=1)

    def _can_list_any_key(self) -> bool:
        if self._lists_any_key is None:
            self.page(limit=1)
        return bool(self._lists_any_key)
