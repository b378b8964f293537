"""Which Delta tables are to be made of registered tables, and what is to become of those that are there. Pure.

A copy carries one property, ``livedata.copy = <whose>/<of what>``. *Whose* is a digest of its name and place, so that a table that somebody
cloned, renamed or made under that name is never taken for a copy of ours. *Of what* is a digest of the table's definition, of its partitions
and of its files as the checkpoint of their replication tells them; it says "pending" until the copy is proved.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_livedata.engine.errors import PathsOverlap, TooManyDeletes, WrongSide
from airflow_provider_livedata.engine.metastore import diff
from airflow_provider_livedata.engine.metastore.databricks_sql import DELTA
from airflow_provider_livedata.engine.metastore.delta_options import DeltaOptions
from airflow_provider_livedata.engine.metastore.locations import canonical
from airflow_provider_livedata.engine.metastore.model import Table
from airflow_provider_livedata.engine.metastore.names import partition_name, values_of
from airflow_provider_livedata.engine.metastore.plan import note

Doing = Literal["create", "adopt", "refresh", "move", "nothing"]
PENDING = "pending"
_SAME_STORE = {"s3a": "s3", "s3n": "s3", "abfs": "abfss", "wasb": "wasbs"}
_PATH_SIGNS = frozenset("/\\")


@dataclass(frozen=True, slots=True)
class FoundDelta:
    """A table that is there, or (without a name) what a place holds. ``mark``: the property of a copy, "" of what is none."""

    kind: str
    provider: str
    place: str
    mark: str = ""


@dataclass(slots=True)
class Copy:
    """A Delta table of ``source``; ``place``: where it is to lie; ``mark``: what it carries once it is proved."""

    source: Table
    schema: str
    place: str
    mark: str = ""
    doing: Doing = "nothing"
    former_place: str = ""  # of one that is moved
    has_former: bool = False  # what lies at the place is an earlier copy, without a name

    @property
    def full_name(self) -> str:
        """``schema.table``."""
        return f"{self.schema}.{self.source.name}"


@dataclass(slots=True)
class DeltaPlan:
    """All that is to be done, and what was found besides."""

    copies: list[Copy] = field(default_factory=list)
    conversions: list[Table] = field(default_factory=list)
    drops: list[tuple[str, str, str]] = field(default_factory=list)  # schema, table, and where its files stay
    held: int = 0  # copies that are there
    compared: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)  # "name: why": somebody else's table is where a copy has to be
    notes: list[str] = field(default_factory=list)

    def totals(self) -> dict[str, int]:
        """How much of what is planned."""
        found = Counter(f"{one.doing} copies" for one in self.copies)
        found["convert tables"] = len(self.conversions)
        found["drop copies"] = len(self.drops)
        return {name: count for name, count in sorted(found.items()) if count}

    def lines(self) -> Iterator[dict[str, Any]]:
        """Each step, for the file that holds the plan."""
        for one in self.copies:
            yield {"action": one.doing, "copy": one.full_name, "of": one.source.full_name, "location": one.place}
        yield from (
            {"action": "convert", "table": one.full_name, "location": one.storage.location} for one in self.conversions
        )
        yield from ({"action": "drop", "copy": f"{schema}.{name}"} for schema, name, _ in self.drops)

    def add(self, copy: Copy, found: FoundDelta | None, at_place: FoundDelta | None) -> None:
        """Decide about a copy by the table of its name that is there, and by what lies at its place where that may matter."""
        why = _taken(copy, found, at_place)
        if why:
            note(self.taken, f"{copy.full_name}: {why}")
            return
        copy.has_former = at_place is not None
        copy.doing = _doing(copy, found, at_place)
        copy.former_place = found.place if found and copy.doing == "move" else ""
        if copy.doing != "nothing":
            self.copies.append(copy)

    def add_gone(self, schema: str, name: str, found: FoundDelta, options: DeltaOptions) -> None:
        """Decide about a table in a schema of copies of which there is no table any more."""
        if not is_ours(found, schema, name):
            note(self.foreign, f"{schema}.{name}")
            return
        self.held += 1
        if options.deletes == "keep":
            note(self.notes, f"{schema}.{name} stays, although the table that it was copied from is gone")
        else:
            self.drops.append((schema, name, found.place))


def needs_place(copy: Copy, found: FoundDelta | None) -> bool:
    """Whether what lies at the place of a copy has to be known: it is not that of the table that is there."""
    return found is None or found.place != copy.place


def _taken(copy: Copy, found: FoundDelta | None, at_place: FoundDelta | None) -> str:
    if found is not None and not is_ours(found, copy.schema, copy.source.name):
        return (
            "somebody else has a table of this name, and no copy replaces it: choose another schema, or rename theirs"
        )
    if at_place is not None and not is_ours(at_place, copy.schema, copy.source.name):
        return f"a Delta table of somebody else lies at {copy.place}, and no copy replaces it: choose another location"
    return ""


def _doing(copy: Copy, found: FoundDelta | None, at_place: FoundDelta | None) -> Doing:
    if found is None:
        return "create" if at_place is None else "adopt"
    if found.place != copy.place:
        return "move"
    return "nothing" if found.mark == copy.mark else "refresh"


# ---- marks


def whose(schema: str, name: str, place: str) -> str:
    """What tells a copy of ours."""
    return digest_of_values(["copy", schema.lower(), name.lower(), canonical(place)])


def pending_mark(copy: Copy) -> str:
    """Of a copy that is not proved."""
    return f"{whose(copy.schema, copy.source.name, copy.place)}/{PENDING}"


def is_ours(found: FoundDelta, schema: str, name: str) -> bool:
    """Whether it is a copy of this name that was made here, with files that stay when it is dropped."""
    owner = found.mark.partition("/")[0]
    return (found.provider, found.kind, owner) == (DELTA, "external", whose(schema, name, found.place))


def mark_of(copy: Copy, partitions: Mapping[str, str], files: str) -> str:
    """What a copy carries that is made of these partitions, each with its place where that is not the usual one, and of these files."""
    what = [diff.digest_of(copy.source), sorted(partitions.items()), files]
    return f"{whose(copy.schema, copy.source.name, copy.place)}/{digest_of_values(what)}"


def digest_of_values(value: object) -> str:
    """Of what JSON can hold."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:32]


# ---- places


def place_of(options: DeltaOptions, schema: str, name: str) -> str:
    """Where a copy is to lie."""
    return f"{options.location}/{schema}/{name}"


def usual_place(table: Table, partition: str) -> str:
    """Where Hive puts a partition."""
    columns = [column.name for column in table.partition_columns]
    name = partition_name(dict(zip(columns, values_of(partition), strict=False)))
    return canonical(f"{table.storage.location}/{name}")


def refuse_overlap(location: str, places: Iterable[str]) -> None:
    """Make sure that a directory neither lies in one of the places, nor holds one.

    Raises:
        PathsOverlap: It does; nothing was changed.
    """
    ours = _one_name(location)
    for place in places:
        theirs = _one_name(place)
        if f"{ours}/".startswith(f"{theirs}/") or f"{theirs}/".startswith(f"{ours}/"):
            raise PathsOverlap(
                "copies to Delta lie outside of every replicated location, and of every registered table: a replication would remove what it "
                "finds there, or a sync take it for data; choose another location; nothing was changed",
                location=location, place=place,
            )  # fmt: skip


def _one_name(place: str) -> str:
    """One name for one place, whichever of the names of its store it is called by."""
    plain = canonical(place)
    scheme, colon, rest = plain.partition("://")
    return f"{_SAME_STORE.get(scheme, scheme)}{colon}{rest}".rstrip("/")


# ---- what may be done


def why_not_copied(table: Table) -> str:
    """Why no copy is made of a table; empty where one can be."""
    if not diff.was_ours(table):
        return "no sync registered it, so that it is not known whether its data are complete"
    if _PATH_SIGNS & set(table.name) or table.name in {".", ".."}:
        return "its name cannot be that of a directory"
    return "" if table.storage.location else "it has no location"


def why_not_converted(table: Table, partitions: Mapping[str, str]) -> str:
    """Why a table is not converted in place, by its partitions that lie at unusual places; empty where it can be."""
    if not diff.was_ours(table):
        return "no sync registered it"
    if table.kind != "external":
        return f"it is a {table.kind} table"
    if table.storage.serde.library != "parquet":
        return f"its files are {table.storage.serde.library}, and Databricks converts Parquet alone: make a copy of it"
    unusual = [f"{name} at {place}" for name, place in sorted(partitions.items()) if place]
    if unusual:
        return f"partitions lie outside of its directory ({', '.join(unusual[:3])}), which a conversion would leave out: make a copy of it"
    return ""


def refuse_not_ended(places: Mapping[str, str]) -> None:
    """Stop a conversion among files that a replication may still write.

    ``places``: where tables lie, each with why it is not known that the replication has ended.

    Raises:
        WrongSide: There are any; says how to go on.
    """
    if places:
        raise WrongSide(
            "a conversion writes among the files of a table, and the next replication would remove that: end the replication first (a fail-over "
            "makes its target the active side, and nothing is replicated into it any more), or make copies; nothing was changed",
            tables=len(places), first=[f"{place}: {why}" for place, why in sorted(places.items())][:10],
        )  # fmt: skip


def guard_drops(plan: DeltaPlan, options: DeltaOptions) -> None:
    """Stop a plan before anything is changed.

    Raises:
        TooManyDeletes: It says how to go on.
    """
    drops = len(plan.drops)
    if drops and drops / max(plan.held, drops) > options.max_delete_ratio:
        raise TooManyDeletes(
            f"{drops} of {plan.held} copies would be dropped, more than max_delete_ratio {options.max_delete_ratio:g} allows; when that is "
            "meant, run again with a higher max_delete_ratio",
            dropped=drops, held=plan.held,
        )  # fmt: skip


def differing_rows(name: str, theirs: int, ours: int) -> str:
    """What to say of rows that are not as many as they should be; empty where they are."""
    return "" if theirs == ours else f"{name}: {theirs:,} rows, but {ours:,} in the Delta table"


def unusual_places(partitions: Mapping[str, str]) -> Sequence[str]:
    """The places of partitions that lie elsewhere than Hive puts them."""
    return sorted({place for place in partitions.values() if place})
