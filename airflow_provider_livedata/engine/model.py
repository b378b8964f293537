"""The frozen values that the stages hand to each other. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from airflow_provider_livedata.engine.errors import LiveDataError

Kind = Literal["file", "directory", "other"]


class Entry(NamedTuple):
    """One file or directory of a zone, relative to the zone's root.

    ``path`` has "/" between names and none at either end; the root itself is never an entry. ``version`` names the
    bytes of a file: it changes whenever they do ("" for directories). Attributes that the store does not have or was not
    asked for are None. ``acl`` is the canonical text of HDFS (``user:ann:rw-,default:group::r-x``), extended entries
    only. ``is_implied``: a directory of an object store that is known only from the keys below it. ``kind`` "other" is
    something that cannot be copied (symbolic link, device, name that is not UTF-8); ``note`` says what. A directory with a
    ``note`` may not be listed, and what it holds is not known (see ``ListsPast``).
    """

    path: str
    kind: Kind = "file"
    size_bytes: int = 0
    mtime_ms: int = 0
    version: str = ""
    owner: str | None = None
    group: str | None = None
    mode: int | None = None
    acl: str | None = None
    xattrs: tuple[tuple[str, bytes], ...] | None = None
    crc32c: int | None = None
    crc64nvme: int | None = None
    is_implied: bool = False
    note: str = ""
    source_version: str = ""  # object stores: the version of the source file that these bytes came from

    @property
    def key(self) -> str:
        """What entries are ordered by, in code point order, which is UTF-8 byte order: directories end in "/"."""
        return self.path + "/" if self.kind == "directory" else self.path

    @property
    def is_unlisted(self) -> bool:
        """Whether it is a directory of which only that is known."""
        return self.kind == "directory" and bool(self.note)

    @property
    def attributes(self) -> Attributes:
        """The attributes of this entry, to be given to another."""
        return Attributes(self.mtime_ms, self.owner, self.group, self.mode, self.acl, self.xattrs)

    @property
    def attributes_with_version(self) -> Attributes:
        """The same, and which version of the source they go with."""
        return Attributes(self.mtime_ms, self.owner, self.group, self.mode, self.acl, self.xattrs, self.version)

    def proved(self, crc32c: int | None, crc64nvme: int | None) -> Entry:
        """This entry with the checksums of its bytes. Called for each file that is copied, where ``_replace`` is slow."""
        return tuple.__new__(Entry, (*self[:_CHECKSUMS_AT], crc32c, crc64nvme, *self[_CHECKSUMS_AT + 2 :]))


_CHECKSUMS_AT = Entry._fields.index("crc32c")


class Held(NamedTuple):
    """A row of the manifest: what the target was left holding at one path, and which source entry it came from.

    ``target_version`` is the version that the target gave it, ``target_checksum`` its own checksum as ``kind:value``
    ("" where it keeps none). ``is_settled`` False: the source file was being written, so it is compared again next time.
    ``is_gone`` marks a path that the target no longer holds.
    """

    entry: Entry
    target_version: str = ""
    target_checksum: str = ""
    is_settled: bool = True
    is_gone: bool = False

    @property
    def key(self) -> str:
        """The order of manifests is that of listings."""
        return self.entry.key


StepKind = Literal[
    "copy", "move", "hold", "rename", "make_directory", "set_attributes", "record", "forget", "delete", "refused"
]
Phase = Literal["hold", "rename", "clear", "write", "delete", "remove", "finish"]


class From(NamedTuple):
    """Where the target has the bytes of a file already, or a directory.

    ``version``: what must stand there, "" for anything. ``is_like``: its attributes are those that the file is to have.
    """

    path: str
    version: str = ""
    is_like: bool = False


class Step(NamedTuple):
    """One action of a plan.

    ``entry`` is the source's, for "delete" the target's, for "forget" the manifest's. "record" and "forget" touch the
    manifest alone. "refused" is a directory of the source that may not be listed: it fails. "move" has the target itself bring a renamed file, from ``origin``; "hold" has it put the file aside
    first, where something else is to take the old place. "rename" has it move a directory with all below it; the steps of
    what comes with that have an ``origin`` too, and are as if it had not taken place, since it may fail: "copy" then
    replaces what came, "delete" (reason "carried") removes it. ``phase``: "hold" puts aside, "rename" moves directories,
    "clear" removes
    what stands in the way (a directory where a file belongs), "write" brings files and directories, "delete" removes
    what the source no longer has, "remove" (of two-way syncs) directories that nothing is left in, "finish" sets attributes of directories after
    their contents. ``expect`` is the version
    that the target must still have there (None: anything). ``may_have_landed``: an unfinished run may have brought it
    already.
    """

    kind: StepKind
    phase: Phase
    entry: Entry
    reason: str
    expect: str | None = None
    may_have_landed: bool = False
    origin: From | None = None
    held_at: str = ""  # of "hold": where to
    or_absent: bool = False  # what ``expect`` names may have been put aside by then


class Attributes(NamedTuple):
    """What a file or directory carries besides its bytes. None: leave as the store makes it."""

    mtime_ms: int | None = None
    owner: str | None = None
    group: str | None = None
    mode: int | None = None
    acl: str | None = None
    xattrs: tuple[tuple[str, bytes], ...] | None = None
    source_version: str = ""  # of the source file; object stores keep it beside the bytes, so that a run can be resumed


class Checksum(NamedTuple):
    """CRC32C and CRC-64/NVME of one run of bytes, both as unsigned integers. Source: RFC 3720 B.4; NVMe base 2.0."""

    crc32c: int
    crc64nvme: int


class Absent:
    """The type of ABSENT."""


ABSENT = Absent()
# What must stand at a path for a write to go ahead: nothing (ABSENT), exactly this version, or anything (None).
Expect = Absent | str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """One path that could not be handled, and why."""

    path: str
    reason: str
    error: str = ""  # the class name of the engine error
    retryable: bool = False

    @classmethod
    def of(cls, path: str, error: LiveDataError) -> Failure:
        """What to report of a path and the error that it failed with."""
        return cls(path, str(error), type(error).__name__, error.retryable)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A named view of a location at one instant. ``root``: the snapshottable directory, an ancestor or the location."""

    name: str
    root: str
    taken_ms: int
    opened_files_frozen: bool = True


class Change(NamedTuple):
    """One item of the difference between two snapshots.

    "create", "delete" and "rename" (to ``new_path``) are of a file or of a directory with all below it; "modify" is of a
    file, or of what a directory itself carries. Below a renamed directory ``path`` is the old one. ``new_path`` is "" where
    something was moved out of the location.
    """

    kind: Literal["create", "delete", "modify", "rename"]
    path: str
    new_path: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """How a store told what changed between two snapshots: ``way`` is for people."""

    way: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The receipt of one uploaded part: its index from 0, what the store calls it, its size and checksum."""

    index: int
    receipt: str
    size_bytes: int
    checksum: Checksum


class StagedFile(NamedTuple):
    """A file that waits at the target, invisible, and what another process needs to let it appear.

    ``row`` is the manifest's once it has appeared, its version "" where the target gives one only then. ``token`` and
    ``parts`` are those of its ``Upload``; ``expect`` and ``or_absent`` those of its ``Step``.
    """

    row: Held
    token: str
    parts: tuple[Part, ...]
    expect: str | None = None
    or_absent: bool = False

    @property
    def key(self) -> str:
        """That of its row."""
        return self.row.key


@dataclass(frozen=True, slots=True)
class Facts:
    """What a zone is like, for the plan to decide by.

    ``min_part_bytes`` and ``max_part_bytes`` bound every part but the last; ``max_parts`` bounds their number, and makes
    parts larger than ``usual_part_bytes`` where it must.
    ``in_order``: parts must arrive in order, one at a time (HDFS). ``puts_publish``: ``put`` is atomic by itself, as
    on object stores; elsewhere files go through ``begin`` and appear by a rename. ``max_stream_bytes``: the largest file
    that ``StreamedPuts`` takes, 0 where the zone has it not. ``reading_bytes``, ``writing_bytes``:
    the most memory that the zone's client holds for one read and for one file or part being written, beside the
    caller's buffer. ``commit_s``: what a finished file may wait before it is durable. ``bundle_bytes``: how large the objects are in which
    many small files are staged, 0 where each is as well off with an upload of its own. ``max_key_characters`` and ``max_names``: of a path
    below the root; ``forbidden_endings``: of each name; ``forbidden_beginnings``: of a path.
    """

    scheme: str
    in_order: bool = False
    puts_publish: bool = True
    min_part_bytes: int = 1
    usual_part_bytes: int = 8 << 20
    max_part_bytes: int = 1 << 62
    max_parts: int = 1 << 30
    max_put_bytes: int = 1 << 62
    max_stream_bytes: int = 0
    max_key_bytes: int = 1 << 30
    max_name_bytes: int = 1 << 30
    max_key_characters: int = 1 << 30
    max_names: int = 1 << 30
    forbidden_characters: frozenset[str] = frozenset()
    forbidden_endings: tuple[str, ...] = ()
    forbidden_beginnings: tuple[str, ...] = ()
    reading_bytes: int = 0
    writing_bytes: int = 0
    commit_s: float = 0.0
    bundle_bytes: int = 0
    has_directories: bool = True
    checksums: frozenset[str] = field(default_factory=frozenset)  # kinds that the store itself keeps or computes
    attributes: frozenset[str] = field(default_factory=frozenset)  # names of Attributes that it keeps

    def part_bytes(self, size_bytes: int) -> int:
        """Bytes of every part but the last of a file of that size: the usual, or more where their number is bounded."""
        needed = -(-size_bytes // self.max_parts)
        wanted = max(self.usual_part_bytes, self.min_part_bytes, -(-needed >> 20) << 20)
        return min(wanted, self.max_part_bytes)
