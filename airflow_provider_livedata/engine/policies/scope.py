"""Which part of a policy speaks of what is replicated, and under which names at the target. Pure.

Only replicated databases and locations are named by what comes out: a pattern that takes more is narrowed to them, one by one, so that
what is made at the target later is under no rule that was not made for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.policies.model import Resource, Values, resource_of
from airflow_provider_livedata.engine.policies.patterns import left_after, matches, matches_any

MACRO = "{"  # {USER}, {OWNER}, ${{...}}: filled in when the question is asked


class Untold(Exception):
    """A value is only known when the question is asked, so it cannot be told whether it is what is replicated."""


class Scope:
    """What is replicated.

    Args:
        databases: Databases of the source, each with the target's.
        locations: Directories of the source, each with the target's, with scheme and authority where they have one.
    """

    def __init__(self, databases: Mapping[str, str], locations: Mapping[str, str]) -> None:
        self.databases = {name.lower(): target.lower() for name, target in databases.items()}
        self.locations = {name.rstrip("/"): target.rstrip("/") for name, target in locations.items()}
        for name in (*self.databases, *self.databases.values()):
            if not name or not name.replace("_", "").isalnum():
                raise BadOption("databases are named one by one, without patterns", database=name)
        for name in (*self.locations, *self.locations.values()):
            if not _is_place(name):
                raise BadOption(
                    "a location is an absolute path, with or without a scheme, without * ? { and ..", location=name
                )
        for name in self.locations:
            if any(other != name and other.startswith(name + "/") for other in self.locations):
                raise BadOption("locations of policies do not lie one inside the other", location=name)
        self._paths = {_path_of(name): _path_of(target) for name, target in self.locations.items()}
        if len(self._paths) < len(self.locations):
            raise BadOption(
                "two locations have the same path in different file systems; sync each by itself",
                locations=self.locations,
            )

    def of_target(self) -> Scope:
        """The same, of the target's names: each is its own."""
        return Scope({name: name for name in self.databases.values()}, {name: name for name in self.locations.values()})

    def problem_for(self, kind: str) -> str:
        """Why the policies of a service of this kind cannot be carried over; empty where they can."""
        if kind != "hdfs":
            return ""
        if not self.locations:
            return "policies of HDFS are of paths: name the replicated locations"
        others = [target for target in self.locations.values() if not target.startswith(("hdfs://", "viewfs://", "/"))]
        return f"policies of HDFS go to HDFS; {others[0]} is none" if others else ""

    def narrowed(self, resource: Resource) -> Resource | None:
        """What of a resource is replicated, as the target names it; None: nothing.

        Raises:
            Untold: A value is only known when the question is asked.
        """
        parts = dict(resource)
        for part, narrow in (("database", self._databases), ("path", self._files), ("url", self._urls)):
            if part in parts:
                found = narrow(parts[part])
                return resource_of({**parts, part: found}) if found else None
        return None  # the service as a whole, and the like

    def everything(self, resource: Resource) -> Resource:
        """All that is replicated, for a resource of which it cannot be told."""
        parts = dict(resource)
        whole = {
            "database": Values(tuple(sorted(set(self.databases.values())))),
            "path": Values(tuple(sorted(set(self._paths.values()))), recursive=True),
            "url": Values(tuple(sorted(set(self.locations.values()))), recursive=True),
        }
        part = next(one for one in whole if one in parts)
        return resource_of({**parts, part: whole[part]})

    def touches(self, resource: Resource) -> bool:
        """Whether a resource, or what may become one, is part of what is replicated."""
        try:
            return self.narrowed(resource) is not None
        except Untold:
            return True

    def _databases(self, values: Values) -> Values | None:
        _refuse_macros(values)
        taken = {
            target for name, target in self.databases.items()
            if matches_any(values.values, name, ignores_case=True) != values.excludes
        }  # fmt: skip
        return Values(tuple(sorted(taken)), recursive=values.recursive) if taken else None

    def _files(self, values: Values) -> Values | None:
        return _below(values, self._paths)

    def _urls(self, values: Values) -> Values | None:
        return _below(values, self.locations)


def _below(values: Values, places: Mapping[str, str]) -> Values | None:
    if values.excludes:
        raise Untold("everything but some paths")
    found = {
        taken
        for value in values.values
        for source, target in places.items()
        for taken in _taken(value.rstrip("/") or "/", source, target, is_recursive=values.recursive)
    }
    return Values(tuple(sorted(found)), recursive=values.recursive) if found else None


def _taken(pattern: str, source: str, target: str, *, is_recursive: bool) -> Iterator[str]:
    """What a pattern takes in a directory, under the directory's name at the target."""
    head = pattern.partition(MACRO)[0]
    if MACRO in pattern and not head.startswith(source + "/"):
        if left_after(head + "*", source + "/") or source.startswith(head.rstrip("/")):
            raise Untold("a path that is only known when the question is asked")
        return
    if is_recursive and any(matches(pattern, above) for above in _ancestors(source)):
        yield target
        return
    if matches(pattern, source):
        yield target
    for rest in left_after(pattern, source + "/"):
        if rest:  # else it takes a name that ends with a slash, which no path does
            yield f"{target}/{rest}"


def _ancestors(path: str) -> Iterator[str]:
    """The path and each directory above it."""
    while path.strip("/"):
        yield path
        path = path.rpartition("/")[0]
    yield "/"


def _refuse_macros(values: Values) -> None:
    if any(MACRO in value for value in values.values):
        raise Untold("a name that is only known when the question is asked")


def _path_of(location: str) -> str:
    return urlsplit(location).path.rstrip("/") if "://" in location else location


def _is_place(location: str) -> bool:
    path = _path_of(location)
    is_whole = path.startswith("/") or ("://" in location and not path)
    return is_whole and not any(mark in location for mark in "*?{") and ".." not in path.split("/")
