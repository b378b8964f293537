"""Where data lies at the target: every location is rewritten by the longest prefix that fits. Pure.

hdfs://nn1:8020/data   ->  s3a://lake/data        a location fits where it is the prefix or lies below it
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.metastore.model import Partition, Storage, Table

PLACEHOLDER = "-__PLACEHOLDER__"  # Spark: the true location of a table is in the parameters of its serde
_NAMED = frozenset({"location", "path", "external_location", "avro.schema.url", "schema.url", "metadata_location"})
_ENDINGS = (".location", ".path", ".url", ".uri", ".dir", "_location", "_path")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Storage and parameters with locations of the target. ``unmapped``: what lies under no prefix, as ``where: location``."""

    storage: Storage
    parameters: dict[str, str]
    unmapped: tuple[str, ...] = ()
    is_placed: bool = True  # whether the data themselves lie under a prefix


class Locations:
    """Prefixes of the source, each with that of the target."""

    def __init__(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        given = pairs.items() if isinstance(pairs, Mapping) else pairs
        cleaned = [(canonical(source), target.rstrip("/")) for source, target in given]
        if any(not is_location(source) or not target for source, target in cleaned):
            raise BadOption(
                "a location is an absolute path or has a scheme, as in hdfs://nn1:8020/data", locations=dict(cleaned)
            )
        self.pairs = tuple(sorted(dict(cleaned).items(), key=lambda pair: len(pair[0]), reverse=True))

    def target_of(self, location: str) -> str | None:
        """Where it lies at the target; None under no prefix."""
        plain = canonical(location)
        for source, target in self.pairs:
            if plain == source or plain.startswith(source + "/"):
                return target + plain[len(source) :]
        return None

    def rewrite(self, storage: Storage, parameters: Mapping[str, str]) -> Rewritten:
        """All places where the storage or parameters of a table or partition name a location; texts of views are not asked for."""
        unmapped: list[str] = []
        changed, is_placed = self._main(storage, unmapped)
        skewed = []
        for values, location in storage.skewed_locations:
            target = self.target_of(location)
            unmapped += [] if target else [f"skewed location of {','.join(values)}: {location}"]
            skewed.append((values, target or location))
        own = self._parameters(storage.parameters, "storage parameter", unmapped)
        changed = replace(changed, skewed_locations=tuple(skewed), parameters=own)
        return Rewritten(changed, self._parameters(parameters, "parameter", unmapped), tuple(unmapped), is_placed)

    def _main(self, storage: Storage, unmapped: list[str]) -> tuple[Storage, bool]:
        serde = self._parameters(storage.serde.parameters, "serde parameter", unmapped)
        changed = replace(storage, serde=replace(storage.serde, parameters=serde))
        if not storage.location:
            return changed, True
        target = self.target_of(storage.location)
        path = storage.serde.parameters.get("path")
        if path and storage.location.rstrip("/").endswith(PLACEHOLDER):
            there = self.target_of(path)
            # A placeholder is no place; it follows the true one where it is under no prefix itself.
            shown = target or (f"{there}{PLACEHOLDER}" if there else storage.location)
            return replace(changed, location=shown), there is not None
        if target is None:
            unmapped.append(f"location: {storage.location}")
        return replace(changed, location=target or storage.location), target is not None

    def _parameters(self, parameters: Mapping[str, str], where: str, unmapped: list[str]) -> dict[str, str]:
        found = dict(parameters)
        for name, value in parameters.items():
            if names_location(name) and value and is_location(value):
                target = self.target_of(value)
                unmapped += [] if target else [f"{where} {name}: {value}"]
                found[name] = target or value
        return found


def data_location(thing: Table | Partition) -> str | None:
    """Where the files lie: the serde's path where the location is but Spark's placeholder."""
    location, path = thing.storage.location, thing.storage.serde.parameters.get("path")
    return path if path and location and location.rstrip("/").endswith(PLACEHOLDER) else location


def names_location(parameter: str) -> bool:
    """Whether a parameter of this name may hold a location."""
    name = parameter.lower()
    return name in _NAMED or name.endswith(_ENDINGS)


def is_location(value: str) -> bool:
    """Whether a text is a place, with a scheme or as an absolute path."""
    return value.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", value) is not None


def canonical(location: str) -> str:
    """One form for one place: ``file:/x``, ``file:///x/`` and ``file:///x`` are the same."""
    scheme, colon, rest = location.partition(":/")
    if not colon or "/" in scheme:
        return re.sub(r"/+", "/", location).rstrip("/") or location
    if rest.startswith("/") and not rest.startswith("//"):  # an authority follows
        authority, _, path = rest[1:].partition("/")
        return f"{scheme.lower()}://{authority}/{_one_slash(path)}".rstrip("/")
    return f"{scheme.lower()}:///{_one_slash(rest)}".rstrip("/")


def _one_slash(path: str) -> str:
    return re.sub(r"/+", "/", path).lstrip("/")
