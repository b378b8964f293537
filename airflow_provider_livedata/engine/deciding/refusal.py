"""Why a target cannot hold an entry, by its name and its kind. Pure: no I/O, no clock, no zone."""

from __future__ import annotations

from airflow_provider_livedata.engine.model import Entry, Facts


def refusal(entry: Entry, facts: Facts) -> str:
    """Why a target with ``facts`` cannot hold ``entry``; "" when it can."""
    if entry.kind == "other":
        return entry.note or "neither a file nor a directory"
    if len(entry.key.encode()) > facts.max_key_bytes:
        return f"the name is longer than the {facts.max_key_bytes} bytes that the target takes below this prefix"
    name = entry.path.rpartition("/")[2]
    if len(name.encode()) > facts.max_name_bytes:
        return f"the last name is longer than the {facts.max_name_bytes} bytes that the target takes"
    found = sorted(set(name) & facts.forbidden_characters)
    return f"the target does not take {' '.join(map(repr, found))} in names" if found else ""
