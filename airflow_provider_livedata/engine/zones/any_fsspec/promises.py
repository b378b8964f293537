"""What filesystems of fsspec promise less than the engine's own zones do, in words. Pure."""

from __future__ import annotations

NATIVE = {
    "s3": "s3://", "s3a": "s3://", "gs": "gs://", "gcs": "gs://", "abfs": "abfs://", "abfss": "abfs://", "az": "abfs://", "adl": "abfs://",
    "hdfs": "hdfs://", "arrow_hdfs": "hdfs://", "webhdfs": "hdfs://", "file": "file://", "local": "file://",
}  # fmt: skip
UNSAFE = {
    "ftp": "it takes a directory that the server refuses to list for an empty one, so what lies in it would look deleted; copy it to a "
    "local disk by an FTP client, or reach the server by SFTP",
    "http": "it tells neither size nor time of what a page links to; download the files to a local disk",
    "https": "it tells neither size nor time of what a page links to; download the files to a local disk",
}


def why_no_source(scheme: str) -> str:
    """Why a filesystem is not read at all; "" where it is."""
    return f"{scheme} of fsspec cannot be replicated from: {UNSAFE[scheme]}" if scheme in UNSAFE else ""


def why_no_target(*, is_exclusive: bool, renames: bool) -> str:
    """Why nothing is written to a filesystem, and the way out; "" where it may be."""
    if not renames:
        return ("this filesystem of fsspec has no rename of its own, so a reader could see half a file; choose another target, or one of the "
                "stores that have a zone of their own")  # fmt: skip
    if not is_exclusive:
        return ("fsspec has no write that only one of two writers can win, so two runs could overwrite each other; give the option "
                "exclusive=True if nothing else writes to this target, or choose a store that has a zone of its own")  # fmt: skip
    return ""


def cautions(scheme: str, *, as_target: bool) -> list[str]:
    """What a person should know before a filesystem is used."""
    where = f"{'target' if as_target else 'source'} by fsspec ({scheme})"
    told = _OF_TARGETS if as_target else _OF_SOURCES
    native = f"; {NATIVE[scheme]} is served by a zone of its own, which promises more" if scheme in NATIVE else ""
    return [f"{where}: {told[0]}{native}", *(f"{where}: {line}" for line in told[1:])]


_OF_SOURCES = (
    "no snapshots: each file is copied as it is when it is read, and all of them are listed every time",
    "a change is seen by the size and by the time or tag that the filesystem tells: two changes of one size within one tick of its "
    "clock look like one",
    "owners, groups, rights, ACLs and extended attributes are not read",
)
_OF_TARGETS = (
    "the store compares no checksums: each file is read back after it was written, which doubles what travels",
    "a file that is replaced is away for a moment between two calls",
    "the lease keeps runs apart as far as your promise goes (exclusive=True): two machines that begin at one moment may both take it",
    "times, owners, groups, rights, ACLs and extended attributes are kept in the manifest alone",
    "what is replaced or deleted is not kept aside (keep_removed)",
)
