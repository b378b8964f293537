"""Why a target cannot hold an entry, by its name and its kind. Pure: no I/O, no clock, no zone."""

from __future__ import annotations

from airflow_provider_livedata.engine.model import Entry, Facts


def refusal(entry: Entry, facts: Facts) -> str:
    """Why a target with ``facts`` cannot hold ``entry``; "" when it can. Directories above it are entries of their own."""
    if entry.kind == "other":
        return entry.note or "neither a file nor a directory"
    return _of_key(entry.path, entry.key, facts) or _of_name(entry.path.rpartition("/")[2], facts)


def unholdable(path: str, key: str, facts: Facts) -> str:
    """Why a store with ``facts`` cannot hold ``key``, which is ``path`` or the marker of it, for any name in it; "" when it can."""
    return _of_key(path, key, facts) or next(filter(None, (_of_name(name, facts) for name in path.split("/"))), "")


def _of_key(path: str, key: str, facts: Facts) -> str:
    if 4 * len(key) > facts.max_key_bytes and len(key.encode()) > facts.max_key_bytes:
        return f"the name is longer than the {facts.max_key_bytes} bytes that the target takes below this prefix"
    if len(key) > facts.max_key_characters:
        return (
            f"the name is longer than the {facts.max_key_characters} characters that the target takes below this prefix"
        )
    if path.count("/") >= facts.max_names:
        return f"the path has more than the {facts.max_names} names that the target takes below this prefix"
    if not key.startswith(facts.forbidden_beginnings):
        return ""
    beginning = next(one for one in facts.forbidden_beginnings if key.startswith(one))
    return f"the target does not take paths that begin with {beginning}"


def _of_name(name: str, facts: Facts) -> str:
    if 4 * len(name) > facts.max_name_bytes and len(name.encode()) > facts.max_name_bytes:
        return f"the last name is longer than the {facts.max_name_bytes} bytes that the target takes"
    if name.endswith(facts.forbidden_endings):
        return f"the target does not take names that end in {name[-1]!r}"
    if facts.forbidden_characters.isdisjoint(name):
        return ""
    found = sorted(facts.forbidden_characters.intersection(name))
    return f"the target does not take {' '.join(map(repr, found))} in names"
