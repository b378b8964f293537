"""From the file to its entries: each is checked on its own, so that what is wrong with one does not touch the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError

from airflow_provider_livedata.configuration.fields import NAME
from airflow_provider_livedata.configuration.file import File
from airflow_provider_livedata.configuration.lines import Document, parse
from airflow_provider_livedata.configuration.locating import Located, Locating
from airflow_provider_livedata.configuration.location import Location
from airflow_provider_livedata.configuration.model import Backup, DisasterRecovery, Migration, Zone
from airflow_provider_livedata.configuration.paces import pool_between
from airflow_provider_livedata.configuration.part import Part
from airflow_provider_livedata.configuration.places import Places
from airflow_provider_livedata.configuration.problems import Path, Problem
from airflow_provider_livedata.configuration.two_way import TWO_WAY, Shared, TwoWayLocation
from airflow_provider_livedata.configuration.wording import unknown, worded
from airflow_provider_livedata.engine.errors import BadConfiguration

KINDS: Mapping[str, type[Migration] | type[DisasterRecovery]] = {
    "migration": Migration,
    "disaster_recovery": DisasterRecovery,
}
P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the file says, as far as it is right. Places are addresses; options of zones are among those of the entries.

    ``problems``: in the order of their lines. An entry that has one is not in ``zones``, ``replications``, ``backups``,
    ``locations`` or ``shared`` (those of ``locations`` with ``mode: two_way``).
    """

    file: str = ""
    zones: Mapping[str, Zone] = field(default_factory=dict)
    replications: Mapping[str, Migration | DisasterRecovery] = field(default_factory=dict)
    backups: Mapping[str, Backup] = field(default_factory=dict)
    locations: Mapping[str, Located] = field(default_factory=dict)
    shared: Mapping[str, Shared] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def pool_between(self, source: str, target: str | None) -> str | None:
        """See ``paces.pool_between``; without a target: snapshots of the source itself."""
        return pool_between(source, target or source, self.zones)

    def raise_problems(self) -> None:
        """Do nothing where all is right.

        Raises:
            BadConfiguration: One error that names everything that is wrong, a line each.
        """
        if self.problems:
            said = "\n".join(f"  {problem}" for problem in self.problems)
            raise BadConfiguration(f"the entries that these lines are about were left out, all others hold:\n{said}")


def load(file: str | None = None) -> Configuration:
    """Read a file, or the one that Airflow's ``[livedata] config_file`` names; with none named, nothing is configured.

    It never fails: what is wrong is among the problems, also a file that cannot be read.
    """
    named = _setting() if file is None else file
    if not named:
        return Configuration()
    try:
        text = FilePath(named).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        return Configuration(
            named, problems=(Problem(named, 0, (), f"cannot be read: {reason} (option config_file of [livedata])"),)
        )
    return read(text, named)


def read(text: str, file: str = "livedata.yaml") -> Configuration:
    """What a text says; ``file`` is what problems call it."""
    document = parse(text, file)
    top = _mapping(document, (), document.value)
    for name in top:
        if name not in File.model_fields:
            document.problem((name,), unknown(name, File.model_fields))
    zones = _there({path[1]: _checked(document, path, value, Zone) for path, value in _section(document, top, "zones")})
    places = Places(document, zones, _wrong_zones(document))
    zones = places.paced()
    found = {
        section: _there({path[1]: places.settled(path, _entry(document, path, value))
                         for path, value in _section(document, top, section)})
        for section in ("replications", "backups")
    }  # fmt: skip
    locating = Locating(document, places)
    said = {path: _checked(document, path, value, _mode(value)) for path, value in _section(document, top, "locations")}
    settled = [locating.settled(path, one) for path, one in said.items() if one is not None]
    located = {one.name: one for one in settled if isinstance(one, Located)}
    shared = {one.name: one for one in settled if isinstance(one, Shared)}
    problems = sorted(document.problems, key=lambda problem: problem.line)
    return Configuration(file, zones, found["replications"], found["backups"], located, shared, tuple(problems))


def _setting() -> str:
    from airflow.providers.common.compat.sdk import conf

    return str(conf.get("livedata", "config_file", fallback="") or "")


def _there(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry for name, entry in entries.items() if entry is not None}


def _wrong_zones(document: Document) -> list[str]:
    return [
        str(problem.path[1]) for problem in document.problems if problem.path[:1] == ("zones",) and problem.path[1:]
    ]


def _mapping(document: Document, path: Path, value: Any) -> dict[str, Any]:
    """A mapping; nothing is an empty one, anything else is a problem."""
    if value is not None and not isinstance(value, dict):
        document.problem(path, "is a mapping of names")
    return value if isinstance(value, dict) else {}


def _section(document: Document, top: Mapping[str, Any], section: str) -> Iterator[tuple[tuple[str, str], Any]]:
    """The entries of a section by their paths, those whose name or YAML is not right left out."""
    for name, value in _mapping(document, (section,), top.get(section)).items():
        path = (section, name)
        if not re.fullmatch(NAME, name):  # a DAG id is made of it
            document.problem(path, "a name is made of letters, digits, '_', '-' and '.', at most 100 of them")
        elif not _is_unreadable(document, path):
            yield path, value


def _is_unreadable(document: Document, path: Path) -> bool:
    return any(problem.path[: len(path)] == path for problem in document.problems)


def _entry(document: Document, path: Path, value: Any) -> Any:
    model = _kind(document, path, value) if path[0] == "replications" else Backup
    return None if model is None else _checked(document, path, value, model)


def _kind(document: Document, path: Path, value: Any) -> type[Migration] | type[DisasterRecovery] | None:
    if not isinstance(value, dict):
        document.problem(path, "is a mapping of names")
    elif isinstance(value.get("kind"), str) and value["kind"] in KINDS:
        return KINDS[value["kind"]]
    else:
        document.problem((*path, "kind"), f"is one of {', '.join(KINDS)}")
    return None


def _mode(value: Any) -> type[Location] | type[TwoWayLocation]:
    return TwoWayLocation if isinstance(value, dict) and value.get("mode") == TWO_WAY else Location


def _checked(document: Document, path: Path, value: Any, model: type[P]) -> P | None:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            document.problem((*path, *one["loc"]), worded(one, model))
    return None
