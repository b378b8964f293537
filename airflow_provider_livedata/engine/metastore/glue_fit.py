"""What the Glue Data Catalog can hold of an object, and of each thing that it cannot, why. Pure; to fit twice changes nothing.

Limits are those of Glue's own description of its calls. What nothing can be cut from (a name or type that is too long) stays as it is, and
Glue refuses the object by its own words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_livedata.engine.metastore.base import Thing
from airflow_provider_livedata.engine.metastore.model import Column, Database, Partition, Storage, Table

MOST_OF_COMMENT = 255  # characters of a column's comment
MOST_OF_DESCRIPTION = 2048
MOST_OF_KEY = 255
MOST_OF_VALUE = 512_000
_REFUSED = re.compile("[^\t\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFUSED_IN_DESCRIPTION = re.compile("[^\r\n\t\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ACCURATE = "COLUMN_STATS_ACCURATE"


def fit(thing: Thing) -> tuple[Thing, tuple[str, ...]]:
    """See ``base.Fit``."""
    notes: list[str] = []
    if isinstance(thing, Database):
        return _database(thing, notes), tuple(notes)
    if isinstance(thing, Partition):
        parameters = _parameters(thing.parameters, "parameter", notes)
        return replace(thing, storage=_storage(thing.storage, notes), parameters=parameters), tuple(notes)
    return _table(thing, notes), tuple(notes)


def _database(database: Database, notes: list[str]) -> Database:
    if database.owner:
        notes.append(
            f"its owner ({database.owner.kind} {database.owner.name}) is left out: databases of Glue have none"
        )
    if database.managed_location:
        notes.append(f"its managed location ({database.managed_location}) is left out: Glue knows one location")
    comment = _text(database.comment, MOST_OF_DESCRIPTION, _REFUSED_IN_DESCRIPTION, "its comment", notes)
    return replace(
        database, name=database.name.lower(), comment=comment, location=database.location or None, managed_location=None, owner=None,
        parameters=_parameters(database.parameters, "parameter", notes),
    )  # fmt: skip


def _table(table: Table, notes: list[str]) -> Table:
    owner = table.owner if table.owner and table.owner.name else None
    if owner and owner.kind != "user":
        notes.append(f"that its owner {owner.name} is a {owner.kind} is left out: Glue keeps the name alone")
    if table.retention < 0:
        notes.append(f"its retention ({table.retention}) becomes 0: Glue takes none below")
    if table.is_rewrite_enabled:
        notes.append("that queries may be rewritten with it is left out: Glue does not know this")
    return replace(
        table, database=table.database.lower(), name=table.name.lower(), storage=_storage(table.storage, notes),
        partition_columns=_columns(table.partition_columns, notes), parameters=_parameters(table.parameters, "parameter", notes),
        owner=replace(owner, kind="user") if owner else None, is_rewrite_enabled=None, retention=max(0, table.retention),
    )  # fmt: skip


def _storage(storage: Storage, notes: list[str]) -> Storage:
    serde = storage.serde
    return replace(
        storage, columns=_columns(storage.columns, notes), parameters=_parameters(storage.parameters, "storage parameter", notes),
        serde=replace(
            serde, library=serde.library or None, name=serde.name or None, parameters=_parameters(serde.parameters, "serde parameter", notes)
        ),
    )  # fmt: skip


def _columns(columns: tuple[Column, ...], notes: list[str]) -> tuple[Column, ...]:
    return tuple(
        replace(one, comment=_text(one.comment, MOST_OF_COMMENT, _REFUSED, f"the comment of column {one.name}", notes))
        for one in columns
    )


def _text(text: str | None, most: int, refused: re.Pattern[str], what: str, notes: list[str]) -> str | None:
    if text is None:
        return None
    if refused.search(text):
        notes.append(f"{what} has blanks for line ends and control characters: Glue takes none there")
    if len(text) > most:
        notes.append(f"{what} is cut to {most:,} of {len(text):,} characters: Glue takes no more")
    return refused.sub(" ", text)[:most]


def _parameters(parameters: Mapping[str, str], what: str, notes: list[str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in parameters.items():
        if not name or len(name) > MOST_OF_KEY or _REFUSED.search(name):
            notes.append(f"{what} {name[:50]!r} is left out: Glue takes no such name")
        elif len(value) > MOST_OF_VALUE:
            notes.append(
                f"{what} {name} is left out: its value has {len(value):,} characters, Glue takes {MOST_OF_VALUE:,}"
            )
        else:
            kept[name] = _without_columns(value, notes) if name == _ACCURATE else value
    return kept


def _without_columns(accurate: str, notes: list[str]) -> str:
    """The parameter by which a metastore says which statistics hold, without those of columns."""
    told = _read(accurate)
    columns = told.pop("COLUMN_STATS", None)
    if not columns or not isinstance(columns, dict):
        return accurate
    notes.append(f"statistics of columns are left out ({', '.join(sorted(columns))}): they are not written to Glue")
    return json.dumps(told, separators=(",", ":"))


def _read(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
