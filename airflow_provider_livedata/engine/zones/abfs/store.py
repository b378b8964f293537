"""A prefix of a container of Azure Blob Storage, asked by the Blob service's REST API, which ADLS Gen2 speaks too.

Its writes take a CRC-64 of what they bring (the same that NVMe uses), blocks wait invisible until they are listed, and its listings
tell metadata: obstore uses none of that. ``version`` is the ETag.

An empty directory is an empty blob of its name with the metadata ``hdi_isfolder``, as Hadoop's drivers write it; where the account
has a hierarchical namespace, that is how the Blob API tells of a real one.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import BadOption, ChecksumMismatch, PathMissing, ZoneError
from airflow_provider_livedata.engine.model import ABSENT, Absent, Attributes, Checksum, Expect, Facts
from airflow_provider_livedata.engine.zones.abfs.answers import (
    FOLDER,
    as_headers,
    blob_of,
    crc64_text,
    etag_of,
    is_folder,
    kept_headers,
    listed,
    metadata_in,
    page_of,
)
from airflow_provider_livedata.engine.zones.abfs.auth import VERSION, SharedKey, by_machine, by_secret
from airflow_provider_livedata.engine.zones.abfs.errors import error_for
from airflow_provider_livedata.engine.zones.abfs.options import AbfsOptions
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.objects.http import Answer, Http, Piece, Request, received
from airflow_provider_livedata.engine.zones.objects.listing import PAGE, Listed, Page, in_utf8_order
from airflow_provider_livedata.engine.zones.objects.metadata import metadata_of
from airflow_provider_livedata.engine.zones.objects.store import ObjectStore
from airflow_provider_livedata.engine.zones.objects.tokens import Tokens
from airflow_provider_livedata.engine.zones.ranges import OpenRange, Range

_CRC64 = "x-ms-content-crc64"


class AbfsStore(ObjectStore):
    """See the module's text."""

    lists_in_order = False

    def __init__(self, address: Address, facts: Facts, options: AbfsOptions) -> None:
        super().__init__(address, facts)
        if not options.account:
            raise BadOption(
                "no storage account is named; write its name into the connection's login", address=str(address)
            )
        self._where, self._container = str(address), address.authority
        self._sas, self._key = options.sas_token.removeprefix("?"), None
        self._tokens: Tokens | None = None
        if options.account_key:
            self._key = SharedKey.of(options.account, options.account_key)
        elif not self._sas:
            self._tokens = Tokens(_token_request(options), retries=options.retries, timeout_s=options.timeout_s)
        self._http = Http(self._where, self._signed, connections=options.connections, retries=options.retries,
                          timeout_s=options.timeout_s, verify=options.verify)  # fmt: skip
        base = options.endpoint_url or f"https://{options.account}.blob.core.windows.net"
        self._url_of_container = f"{base.rstrip('/')}/{quote(address.authority, safe='')}"

    def page(self, under: str = "", *, token: str = "", limit: int = PAGE) -> Page:
        """See ObjectStore."""
        wanted = {
            "restype": "container",
            "comp": "list",
            "include": "metadata",
            "prefix": self.prefix + under,
            "maxresults": str(limit),
        }
        url = self._url(self._url_of_container, {**wanted, **({"marker": token} if token else {})})
        answer = self._ask(Request("GET", url), under, "list")
        try:
            return page_of(answer.body, self.prefix)
        except (ElementTree.ParseError, ValueError, TypeError):
            raise ZoneError(
                "the answer is no listing of Azure Blob Storage; check the endpoint", address=self._where
            ) from None

    def in_place(self, objects: Iterator[Listed]) -> Iterator[Listed]:
        """See ObjectStore: ``d`` marks ``d/``, which comes after ``d.x``; Microsoft does not say in which order keys are listed."""
        waiting: list[Listed] = []
        for one in in_utf8_order(objects):
            if one.is_folder:
                heappush(waiting, one._replace(key=f"{one.key}/", is_folder=False))
                continue
            while waiting and waiting[0].key <= one.key:
                yield heappop(waiting)
            yield one
        while waiting:
            yield heappop(waiting)

    def head(self, key: str) -> Listed | None:
        """See ObjectStore."""
        return self._head(self.prefix + key, key)

    def head_root(self) -> Listed | None:
        """See ObjectStore."""
        return self._head(self.prefix.removesuffix("/"), "")

    def read(self, key: str, offset: int, size_bytes: int | None, version: str) -> Range:
        """See ObjectStore."""
        headers = {"If-Match": f'"{version}"'} if version else {}
        if offset or size_bytes is not None:
            headers["x-ms-range"] = f"bytes={offset}-{'' if size_bytes is None else offset + size_bytes - 1}"
        request = Request("GET", self._url(self._url_of(key), {}), self._headers(headers))
        answer = self._http.send(request, path=key, is_streamed=True)
        if answer.status == 416:
            return OpenRange(0, iter(()))
        self._refuse_failure(answer, key, "read")
        coming = received(answer, self._where, key)
        if is_folder(metadata_in(answer.headers)):
            raise PathMissing("no file is there, but a directory", address=self._where, path=key)
        return coming

    def put(
        self, key: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Listed:  # fmt: skip
        """See ObjectStore. The caller's CRC-64 goes along, and the store refuses other bytes."""
        return self._put(key, data, checksum or checksum_of(data), metadata_of(attributes), expect)

    def _put(self, key: str, data: Piece, checksum: Checksum, metadata: Mapping[str, str], expect: Expect) -> Listed:
        headers = {
            "x-ms-blob-type": "BlockBlob",
            "Content-Type": "application/octet-stream",
            _CRC64: crc64_text(checksum.crc64nvme),
        }
        answer = self._write(key, {}, {**headers, **as_headers(metadata)}, [memoryview(data).cast("B")], expect)
        return self._written(key, memoryview(data).nbytes, metadata, answer)

    def mark(self, path: str, attributes: Attributes | None) -> None:
        """See ObjectStore."""
        self._put(self.key(path), b"", checksum_of(b""), {**metadata_of(attributes), FOLDER: "true"}, ABSENT)

    def unmark(self, path: str) -> None:
        """See ObjectStore."""
        found = self.head(path)
        if found is not None and found.is_folder:
            self._delete(path, found.version)
        self._delete(f"{path}/")  # as other tools write it

    def delete(self, key: str, version: str = "") -> None:
        """See ObjectStore. The mark of a directory stays."""
        if version and self._delete(key, version):
            return
        found = self.head(key)
        if found is not None and not found.is_folder:
            self._delete(key, found.version)

    def _delete(self, key: str, version: str = "") -> bool:
        """Whether nothing of that version is there any more; False where something else is."""
        condition = {"If-Match": f'"{version}"'} if version else {}
        answer = self._http.send(
            Request("DELETE", self._url(self._url_of(key), {}), self._headers(condition)), path=key
        )
        if answer.status == 404 and answer.headers.get("x-ms-error-code") != "ContainerNotFound":
            return True
        if answer.status == 412 and version:
            return False
        self._refuse_failure(answer, key, "delete")
        return True

    def put_block(self, key: str, block: str, data: bytes | bytearray | memoryview, checksum: Checksum) -> None:
        """Send a block of a blob, invisible; the store refuses bytes of another checksum."""
        headers = {_CRC64: crc64_text(checksum.crc64nvme)}
        self._write(key, {"comp": "block", "blockid": block}, headers, [memoryview(data).cast("B")], None)

    def put_block_from(
        self, key: str, block: str, origin: str, offset: int, size_bytes: int, version: str
    ) -> int | None:
        """Have the store copy a range of another blob as a block; the CRC-64 that it computed, where it tells one."""
        url, headers = self._url(self._url_of(origin), {}), {}
        if self._key:
            url = f"{url}?{self._key.sas(self._container, self.prefix + origin)}"
        elif self._tokens:
            headers["x-ms-copy-source-authorization"] = self._tokens.header()["Authorization"]
        headers |= {"x-ms-copy-source": url, "x-ms-source-range": f"bytes={offset}-{offset + size_bytes - 1}",
                    "x-ms-source-if-match": f'"{version}"'}  # fmt: skip
        answer = self._write(key, {"comp": "block", "blockid": block}, headers, [], None)
        told = answer.headers.get(_CRC64)
        return int.from_bytes(base64.b64decode(told), "little") if told else None

    def put_blocks(
        self,
        key: str,
        blocks: Sequence[str],
        size_bytes: int,
        headers: Mapping[str, str],
        metadata: Mapping[str, str],
        expect: Expect,
    ) -> Listed:
        """Let a blob appear that consists of those blocks, in this order."""
        listed = "".join(f"<Uncommitted>{one}</Uncommitted>" for one in blocks)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
        usual = {"Content-Type": "application/xml", "x-ms-blob-content-type": "application/octet-stream"}
        given = {**usual, **headers, **as_headers(metadata)}
        answer = self._write(key, {"comp": "blocklist"}, given, [body], expect, may_repeat=False)
        return self._written(key, size_bytes, metadata, answer)

    def properties(self, key: str) -> tuple[Listed, dict[str, str], dict[str, str]] | None:
        """A blob, its headers as a writer gives them, and its metadata."""
        answer = self._http.send(Request("HEAD", self._url(self._url_of(key), {}), self._headers()), path=key)
        if answer.status == 404:
            return None
        self._refuse_failure(answer, key, "read")
        return blob_of(key, answer), kept_headers(answer.headers), metadata_in(answer.headers)

    def close(self) -> None:
        """See ObjectStore."""
        self._http.close()
        if self._tokens:
            self._tokens.close()

    def _signed(self, request: Request) -> Mapping[str, str]:
        if self._key:
            return self._key.headers(request)
        return self._tokens.header() if self._tokens else {}

    def _head(self, name: str, key: str) -> Listed | None:
        url = f"{self._url_of_container}/{quote(name, safe='/')}"
        answer = self._http.send(Request("HEAD", self._url(url, {}), self._headers()), path=key)
        if answer.status == 404 and answer.headers.get("x-ms-error-code") != "ContainerNotFound":
            return None
        self._refuse_failure(answer, key, "read")
        return blob_of(key, answer)

    def _write(
        self, key: str, wanted: Mapping[str, str], headers: Mapping[str, str], body: Sequence[Piece], expect: Expect, *,
        may_repeat: bool = True,
    ) -> Answer:  # fmt: skip
        condition = (
            {"If-None-Match": "*"} if isinstance(expect, Absent) else {"If-Match": f'"{expect}"'} if expect else {}
        )
        request = Request("PUT", self._url(self._url_of(key), wanted), self._headers({**headers, **condition}), body,
                          may_repeat=may_repeat and expect is None)  # fmt: skip
        return self._ask(request, key, "write", expect)

    def _ask(self, request: Request, key: str, action: str, expect: Expect = None) -> Answer:
        given = (
            request
            if "x-ms-version" in request.headers
            else Request(request.method, request.url, self._headers(request.headers))
        )
        answer = self._http.send(given, path=key)
        self._refuse_failure(answer, key, action, expect)
        return answer

    def _refuse_failure(self, answer: Answer, key: str, action: str, expect: Expect = None) -> None:
        if answer.status >= 300:
            raise error_for(answer, self._where, key, action=action, expect=expect)

    def _headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"x-ms-version": VERSION, **(more or {})}

    def _url_of(self, key: str) -> str:
        return f"{self._url_of_container}/{quote(self.prefix + key, safe='/')}"

    def _url(self, url: str, wanted: Mapping[str, str]) -> str:
        query = "&".join(filter(None, (urlencode(wanted, quote_via=quote), self._sas)))
        return f"{url}?{query}" if query else url

    def _written(self, key: str, size_bytes: int, metadata: Mapping[str, str], answer: Answer) -> Listed:
        return listed(key, size_bytes, now_ms(), etag_of(answer), metadata)


def _token_request(options: AbfsOptions) -> Callable[[], Request]:
    if options.client_secret:
        return by_secret(options.tenant_id, options.client_id, options.client_secret)
    return by_machine(options.client_id)


def refuse_checksum(found: int | None, wanted: int, path: str) -> None:
    """Raise ChecksumMismatch where the store computed another CRC-64."""
    if found is not None and found != wanted:
        raise ChecksumMismatch("the store's copy has another checksum; nothing became visible", path=path)
