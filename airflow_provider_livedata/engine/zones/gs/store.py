"""A prefix of a bucket of Google Cloud Storage, asked by its JSON API.

Its listings tell the checksum, generation and metadata of each object, and its writes take a checksum and a generation: obstore,
which speaks the XML API, knows neither. ``version`` is the generation: it names the bytes, and a condition on it is exact.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import ChecksumMismatch, ObjectChanged, PathMissing, ZoneError
from airflow_provider_livedata.engine.model import ABSENT, Absent, Attributes, Checksum, Expect, Facts
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.gs.answers import as_json, crc32c_text, listed, related
from airflow_provider_livedata.engine.zones.gs.auth import found_key, request_of
from airflow_provider_livedata.engine.zones.gs.errors import error_for
from airflow_provider_livedata.engine.zones.gs.options import GsOptions
from airflow_provider_livedata.engine.zones.objects.http import Answer, Http, Piece, Request, received
from airflow_provider_livedata.engine.zones.objects.listing import PAGE, Listed, Page
from airflow_provider_livedata.engine.zones.objects.metadata import metadata_of
from airflow_provider_livedata.engine.zones.objects.store import NOTHING, ObjectStore
from airflow_provider_livedata.engine.zones.objects.tokens import Tokens
from airflow_provider_livedata.engine.zones.ranges import OpenRange, Range

_OBJECT = "name,size,timeCreated,generation,crc32c,metadata"
_KEPT = (
    "contentType",
    "contentEncoding",
    "contentDisposition",
    "contentLanguage",
    "cacheControl",
    "storageClass",
    "customTime",
)
_WHOLE = f"{_OBJECT},{','.join(_KEPT)}"
_GET, _LIST, _CREATE, _DELETE = (f"storage.objects.{name}" for name in ("get", "list", "create", "delete"))
_LISTING = "storage#objects"
_JSON = {"Content-Type": "application/json; charset=UTF-8"}


class GsStore(ObjectStore):
    """See the module's text."""

    def __init__(self, address: Address, facts: Facts, options: GsOptions) -> None:
        super().__init__(address, facts)
        self._where, self._payer = str(address), {"userProject": options.user_project} if options.user_project else {}
        self._tokens: Tokens | None = None
        if not options.anonymous:
            key = options.key if options.key is not None else found_key()
            self._tokens = Tokens(request_of(key), retries=options.retries, timeout_s=options.timeout_s)
        self._http = Http(self._where, lambda _: self._tokens.header() if self._tokens else {}, connections=options.connections,
                          retries=options.retries, timeout_s=options.timeout_s, verify=options.verify)  # fmt: skip
        base, self._bucket = options.endpoint_url.rstrip("/"), quote(address.authority, safe="")
        self._objects = f"{base}/storage/v1/b/{self._bucket}/o"
        self._uploads = f"{base}/upload/storage/v1/b/{self._bucket}/o"

    def page(self, under: str = "", *, token: str = "", limit: int = PAGE) -> Page:
        """See ObjectStore."""
        fields = f"kind,nextPageToken,items({_OBJECT})"
        wanted = {"prefix": self.prefix + under, "maxResults": str(limit), "fields": fields}
        said = self._json("GET", self._objects, {**wanted, **({"pageToken": token} if token else {})}, under, _LIST)
        if said.get("kind") != _LISTING:  # whatever else is JSON would be read as an empty page, and the last
            raise ZoneError("the answer is no listing of Google Cloud Storage; check the endpoint", address=self._where)
        return Page([listed(one, self.prefix) for one in said.get("items", [])], str(said.get("nextPageToken", "")))

    def head(self, key: str) -> Listed | None:
        """See ObjectStore."""
        found = self._resource(self.prefix + key, key, _OBJECT)
        return None if found is None else listed(found, self.prefix)

    def metadata(self, key: str) -> Mapping[str, str]:
        """What writers left beside an object; empty where there is none."""
        return (self._resource(self.prefix + key, key, "metadata") or {}).get("metadata") or {}

    def head_root(self) -> Listed | None:
        """See ObjectStore."""
        found = self._resource(self.prefix.removesuffix("/"), "", _OBJECT)
        return None if found is None else listed(found, self.prefix)

    def read(self, key: str, offset: int, size_bytes: int | None, version: str) -> Range:
        """See ObjectStore. Bytes come as they are stored: the store decompresses nothing."""
        wanted = {"alt": "media", **(self._is(version, key) if version else {})}
        headers = {"Accept-Encoding": "gzip"}
        if offset or size_bytes is not None:
            headers["Range"] = f"bytes={offset}-{'' if size_bytes is None else offset + size_bytes - 1}"
        request = Request("GET", self._url(self._url_of(key), wanted), headers)
        answer = self._http.send(request, path=key, is_streamed=True)
        if answer.status == 416:
            return OpenRange(0, iter(()))
        self._refuse_failure(answer, key, _GET)
        coming = received(answer, self._where, key)
        if version and answer.headers.get("X-Goog-Generation", version) != version:
            raise ObjectChanged("it was replaced while being read", address=self._where, path=key)
        return coming

    def put(
        self, key: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Listed:  # fmt: skip
        """See ObjectStore. The caller's CRC32C goes along, and the store refuses other bytes."""
        crc32c = (checksum or checksum_of(data)).crc32c
        about = {"name": self.prefix + key, "metadata": metadata_of(attributes), "crc32c": crc32c_text(crc32c)}
        boundary = uuid.uuid4().hex
        body = related(boundary, about, data)
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        said = self._json("POST", self._uploads, {"uploadType": "multipart", "fields": _OBJECT, **self._conditions(expect, key)},
                          key, _CREATE, headers=headers, body=body, expect=expect)  # fmt: skip
        return self._refuse_wrong(listed(said, self.prefix), crc32c)

    def mark(self, path: str, attributes: Attributes | None) -> None:
        """See ObjectStore."""
        self.put(self.key(path, "/"), b"", attributes=attributes, expect=ABSENT)

    def unmark(self, path: str) -> None:
        """See ObjectStore."""
        self.delete(f"{path}/")

    def delete(self, key: str, version: str = "") -> None:
        """See ObjectStore."""
        answer = self._send(Request("DELETE", self._url(self._url_of(key), {})), key)
        if answer.status != 404 or b"bucket does not exist" in answer.body:
            self._refuse_failure(answer, key, _DELETE)

    def compose(
        self, origins: Sequence[str], key: str, metadata: Mapping[str, str], expect: Expect, crc32c: int
    ) -> Listed:
        """Let the bytes of up to 32 objects, in this order, appear as one; the store computes its CRC32C.

        Raises:
            ChecksumMismatch: It has another one; the object was removed again.
        """
        self.refuse_other(key, expect)  # servers that know conditional puts may ignore conditions here
        about = {
            "sourceObjects": [{"name": self.prefix + one} for one in origins],
            "destination": {"metadata": metadata},
        }
        url = f"{self._url_of(key)}/compose"
        said = self._json("POST", url, {"fields": _OBJECT, **self._conditions(expect, key)}, key, _CREATE, body=as_json(about),
                          expect=expect)  # fmt: skip
        return self._refuse_wrong(listed(said, self.prefix), crc32c)

    def copy(
        self,
        origin: str,
        key: str,
        *,
        version: str,
        checksum: Checksum | None,
        attributes: Attributes | None,
        expect: Expect,
    ) -> Listed:
        """Let an object of this store appear at another key, with its headers and the metadata beside ours."""
        found = self._resource(self.prefix + origin, origin, _WHOLE)
        if found is None:
            raise PathMissing("nothing is there to be copied", address=self._where, path=origin)
        there = listed(found, self.prefix)
        if version and there.version != version:
            raise ObjectChanged(
                "not the version that was to be copied", path=origin, expected=version, found=there.version
            )
        if checksum is not None and there.crc32c not in {None, checksum.crc32c}:
            raise ChecksumMismatch("what is to be copied has another checksum; nothing was copied", path=origin)
        self.refuse_other(key, expect)
        about = {name: found[name] for name in _KEPT if found.get(name)}
        about["metadata"] = {**found.get("metadata", {}), **metadata_of(attributes)}
        landed = self._rewrite(origin, key, there.version, about, expect)
        return self._refuse_wrong(landed, there.crc32c if there.crc32c is not None else landed.crc32c)

    def _rewrite(self, origin: str, key: str, version: str, about: Mapping[str, Any], expect: Expect) -> Listed:
        url = f"{self._url_of(origin)}/rewriteTo/b/{self._bucket}/o/{quote(self.prefix + key, safe='')}"
        wanted = {
            "sourceGeneration": version,
            "fields": f"done,rewriteToken,resource({_OBJECT})",
            **self._conditions(expect, key),
        }
        said: dict[str, Any] = {}
        while not said.get("done"):  # a large one to another class or place takes several requests
            further = {"rewriteToken": said["rewriteToken"]} if "rewriteToken" in said else {}
            said = self._json("POST", url, {**wanted, **further}, key, _CREATE, body=as_json(about), expect=expect)
            if not said.get("done") and "rewriteToken" not in said:
                raise ZoneError(
                    "the answer to a copy says neither that it is done nor how to go on", address=self._where, path=key
                )
        return listed(said["resource"], self.prefix)

    def close(self) -> None:
        """See ObjectStore."""
        self._http.close()
        if self._tokens:
            self._tokens.close()

    def _refuse_wrong(self, landed: Listed, crc32c: int | None) -> Listed:
        if landed.crc32c != crc32c:
            only = {"ifGenerationMatch": landed.version}
            self._send(Request("DELETE", self._url(self._url_of(landed.key), only)), landed.key)
            raise ChecksumMismatch("what the store holds has another checksum; it was removed", address=self._where,
                                   path=landed.key)  # fmt: skip
        return landed

    def _conditions(self, expect: Expect, key: str) -> dict[str, str]:
        if expect is None:
            return {}
        return {"ifGenerationMatch": "0"} if isinstance(expect, Absent) else self._is(expect, key)

    def _is(self, version: str, key: str) -> dict[str, str]:
        if version.isdecimal():
            return {"ifGenerationMatch": version}
        if self.head(key) is None:  # a version that this store never gave
            raise PathMissing(NOTHING, address=self._where, path=key)
        raise ObjectChanged("it is not of the version expected", address=self._where, path=key)

    def _resource(self, name: str, key: str, fields: str) -> dict[str, Any] | None:
        url = f"{self._objects}/{quote(name, safe='')}"
        answer = self._send(Request("GET", self._url(url, {"fields": fields})), key)
        if answer.status == 404 and b"bucket does not exist" not in answer.body:
            return None
        return self._parsed(answer, key, _GET)

    def _json(
        self, method: str, url: str, wanted: Mapping[str, str], key: str, action: str, *,
        headers: Mapping[str, str] = _JSON, body: Sequence[Piece] = (), expect: Expect = None,
    ) -> dict[str, Any]:  # fmt: skip
        request = Request(method, self._url(url, wanted), headers if body else {}, body, may_repeat=expect is None)
        return self._parsed(self._send(request, key), key, action, expect)

    def _send(self, request: Request, key: str) -> Answer:
        return self._http.send(request, path=key)

    def _parsed(self, answer: Answer, key: str, action: str, expect: Expect = None) -> dict[str, Any]:
        self._refuse_failure(answer, key, action, expect)
        try:
            said = json.loads(answer.body)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise ZoneError(
                "the answer is none of Google Cloud Storage; check the endpoint", address=self._where, path=key
            )
        return said

    def _refuse_failure(self, answer: Answer, key: str, action: str, expect: Expect = None) -> None:
        if answer.status >= 300:
            raise error_for(answer, self._where, key, action=action, expect=expect)

    def _url_of(self, key: str) -> str:
        return f"{self._objects}/{quote(self.prefix + key, safe='')}"

    def _url(self, url: str, wanted: Mapping[str, str]) -> str:
        query = urlencode({**wanted, **self._payer}, quote_via=quote)
        return f"{url}?{query}" if query else url
