"""What HDFS says, by RPC and by WebHDFS, in the engine's words. Pure.

Both name a Java exception: WebHDFS in JSON, ``hdfs_native`` in the text of a RuntimeError, such as
``RPCError("org.apache.hadoop.security.AccessControlException", "Permission denied: user=ann, ...")``, escaped as Rust does.
"""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    CredentialsRefused,
    IsADirectory,
    LiveDataError,
    NameRefused,
    NotADirectory,
    NotEmpty,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    SnapshotRefused,
    StoreFull,
    Unsupported,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)

# By the simple name of the Java class.
_CLASSES: dict[str, tuple[type[LiveDataError], str]] = {
    "FileNotFoundException": (PathMissing, "nothing is there"),
    "FileAlreadyExistsException": (AlreadyExists, "something is there already"),
    "AlreadyBeingCreatedException": (AlreadyExists, "another writer has the file open"),
    "ParentNotDirectoryException": (NotADirectory, "a file stands where a directory should be"),
    "PathIsNotDirectoryException": (NotADirectory, "a file stands where a directory should be"),
    "PathIsNotEmptyDirectoryException": (NotEmpty, "the directory holds entries"),
    "AccessControlException": (PermissionRefused, "the user may not do that"),
    "AuthorizationException": (PermissionRefused, "the user may not do that"),
    "SecurityException": (CredentialsRefused, "the cluster does not accept the credentials"),
    "InvalidToken": (CredentialsRefused, "the cluster does not accept the token"),
    "AuthenticationException": (CredentialsRefused, "the cluster does not accept the credentials"),
    "SaslException": (CredentialsRefused, "the cluster does not accept the credentials"),
    "InvalidPathException": (NameRefused, "HDFS does not hold this name"),
    "PathComponentTooLongException": (NameRefused, "HDFS does not hold names this long"),
    "IllegalNameException": (NameRefused, "HDFS does not hold this name"),
    "NSQuotaExceededException": (StoreFull, "the quota of names is used up"),
    "DSQuotaExceededException": (StoreFull, "the space quota is used up"),
    "QuotaByStorageTypeExceededException": (StoreFull, "the space quota is used up"),
    "MaxDirectoryItemsExceededException": (StoreFull, "the directory holds as many entries as HDFS allows"),
    "SnapshotAccessControlException": (Unsupported, "a snapshot cannot be changed"),
    "SnapshotException": (SnapshotRefused, "HDFS refuses because of snapshots"),
    "AclException": (Unsupported, "the cluster keeps no ACLs"),
    "UnsupportedOperationException": (Unsupported, "the cluster cannot do that"),
    "UnresolvedPathException": (Unsupported, "a symbolic link stands in the path"),
    "LeaseExpiredException": (ObjectChanged, "the file was taken from its writer"),
    "SafeModeException": (ZoneBusy, "the NameNode is in safe mode and takes no changes"),
    "RetriableException": (ZoneBusy, "the NameNode asks to come back later"),
    "ServerTooBusyException": (ZoneBusy, "the NameNode has too many requests"),
    "NotReplicatedYetException": (ZoneBusy, "DataNodes have not reported the last block yet"),
    "StandbyException": (ZoneBusy, "no NameNode is active at the moment"),
    "ConnectException": (ZoneUnreachable, "a node of the cluster does not answer"),
}

# What some classes say only in words: class -> (words, kind, what). The first that is found counts.
_WORDS: dict[str, tuple[tuple[str, type[LiveDataError], str], ...]] = {
    "FileNotFoundException": (
        ("Path is not a file", IsADirectory, "a directory stands where a file should be"),
        ("does not exist or it is not a file", IsADirectory, "a directory stands where a file should be"),
    ),
    "FileAlreadyExistsException": (
        ("Path is not a directory", NotADirectory, "a file stands where a directory should be"),
        ("already exists as a directory", IsADirectory, "a directory stands where a file should be"),
    ),
    "AccessControlException": (
        ("authentication is not enabled", CredentialsRefused, "the cluster wants other credentials (Kerberos)"),
        ("(is not a directory)", NotADirectory, "a file stands where a directory should be"),
    ),
    "HadoopIllegalArgumentException": (
        ("is a reserved name", NameRefused, "HDFS keeps this name for itself"),
        ("Invalid path name", NameRefused, "HDFS does not hold this name"),
    ),
    "IOException": (
        ("must both be directories", IsADirectory, "a directory stands where a file should be"),
        ("has been disabled", Unsupported, "the cluster has it switched off"),
        ("under source", Unsupported, "a directory cannot be moved into itself"),
        ("Pathname too long", NameRefused, "HDFS does not hold paths this long"),
        ("There are 0 datanode(s) running", ZoneUnreachable, "no DataNode is running"),
        ("could only be", StoreFull, "no DataNode takes the block: they are full or excluded"),
        ("can't be moved", Unsupported, "a file cannot be moved into or out of an encryption zone"),
        ("ermission denied", PermissionRefused, "the user may not do that"),
    ),
}

_RPC = re.compile(r'(?:Fatal)?RPCError\("([\w.$]+)", "(.*)"\)', re.DOTALL)
_VARIANT = re.compile(r"([A-Z]\w+)\((.*)\)", re.DOTALL)
_CREDENTIALS = frozenset({"SASLError", "GSSAPIError", "NoSASLMechanism"})
_SHOWN_CHARACTERS = 300


def java_error(java_class: str, message: str, **where: Any) -> LiveDataError:
    """The engine error for a Java exception, by its class or, where the class says little, by its words."""
    reason = first_line(message)
    simple = re.split(r"[.$]", java_class)[-1]
    for words, kind, what in _WORDS.get(simple, ()):
        if words in reason:
            return kind(what, reason=reason, **where)
    kind, what = _CLASSES.get(simple, (ZoneError, f"HDFS refused ({simple})"))
    return kind(what, reason=reason, **where)


def native_error(error: BaseException, **where: Any) -> LiveDataError:
    """The engine error for what ``hdfs_native`` raised."""
    text = str(error)
    if isinstance(error, FileNotFoundError):
        return java_error("FileNotFoundException", text, **where)
    if isinstance(error, FileExistsError):
        return java_error("FileAlreadyExistsException", text, **where)
    if isinstance(error, OSError):
        return ZoneUnreachable("the cluster does not answer", reason=first_line(text), **where)
    rpc = _RPC.fullmatch(text)
    if rpc is not None:
        return java_error(rpc[1], _unescaped(rpc[2]), **where)
    return _client_error(text, **where)


def first_line(message: str) -> str:
    """What a Java exception says, without the stack trace that follows."""
    return message.strip().split("\n", 1)[0].strip()[:_SHOWN_CHARACTERS]


def _client_error(text: str, **where: Any) -> LiveDataError:
    # Errors that hdfs_native finds by itself: Variant("text").
    match = _VARIANT.match(text)
    variant, reason = (match[1], first_line(_unescaped(match[2]).strip('"'))) if match else ("", first_line(text))
    if variant in _CREDENTIALS or "NoSASLMechanism" in text:
        what = "the cluster does not accept the credentials; check the Kerberos principal, its keytab or cache, and krb5.conf"
        return CredentialsRefused(what, reason=_last_quoted(text) or reason, **where)
    if variant in ("IOError", "DataTransferError"):
        return ZoneUnreachable("the cluster broke off", reason=reason, **where)
    if variant == "OperationFailed":  # a file could not be closed in time
        return ZoneBusy("the cluster did not finish in time", reason=reason, **where)
    if variant in ("UnsupportedErasureCodingPolicy", "UnsupportedFeature"):
        return Unsupported("the client cannot do that", reason=reason, **where)
    return ZoneError("the HDFS client failed", reason=reason, **where)


def _last_quoted(text: str) -> str:
    found = re.findall(r'"([^"]*)"', text)
    return first_line(_unescaped(found[-1])) if found else ""


def _unescaped(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"').replace("\\\\", "\\")
