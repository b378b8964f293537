"""What the forms have in common: kinds of fields, the fields that several of them ask for, and what tasks are given of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.options import PRIORITY

ADDRESS = r"^[A-Za-z][A-Za-z0-9+.\-]*://([^@/:]+@)?[^/@]*(/.*)?$"
ADVANCED = "Advanced"  # the section that is folded away
_LISTS = frozenset({"databases", "exclude", "paths", "preserve", "tables"})
_TEXTS = frozenset({"bandwidth", "prefix"})  # which a form may leave empty
_ATTRIBUTES = ["owner", "group", "mode", "mtime", "acl"]


def form(params: dict[str, Param], defaults: Mapping[str, Any], whose: str) -> dict[str, Param]:
    """The params of ``whose`` DAG, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    unknown = sorted(set(defaults) - set(params))
    if unknown:
        raise ValueError(f"{whose} has no params {unknown}; it has {sorted(params)}")
    for name, value in defaults.items():
        params[name].value = value
    for param in params.values():
        if param.description:
            # Airflow prints the schema of a field whose value it refuses, and not its description.
            param.schema["help"] = param.description
    return params


def option_texts(*names: str) -> dict[str, str]:
    """What tasks are given as options: a template for each field. bool and numbers are read back from texts."""
    return {name: _text_of(name) for name in names}


def refuse(problems: Sequence[str]) -> None:
    """Stop a run whose params were looked through before anything began.

    Raises:
        BadInput: There are problems; it names them all.
    """
    if problems:
        raise BadInput(f"nothing was started, since the params cannot be used: {'; '.join(problems)}")


def address(title: str, description: str, *, optional: bool = False) -> Param:
    """An address; one that is ``optional`` may be left empty."""
    if optional:
        return Param("", type=["string", "null"], title=title, pattern=f"^$|{ADDRESS}", description=description)
    return Param(type="string", title=title, pattern=ADDRESS, description=description)


def item_of(*addresses: str, **others: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an item of a list that has these addresses, and may have the others."""
    properties = {name: {"type": "string", "pattern": ADDRESS} for name in addresses} | others
    return {
        "type": "object", "properties": properties, "required": list(addresses), "additionalProperties": False,
    }  # fmt: skip


def choice(title: str, choices: Mapping[str, str], default: str, description: str | None = None, **more: Any) -> Param:
    """One of ``choices``, each with what the form shows."""
    return Param(
        default, type="string", enum=list(choices), values_display=dict(choices), title=title, description=description, **more
    )  # fmt: skip


def yes_no(title: str, description: str | None = None, *, default: bool = False, **more: Any) -> Param:
    """A box to tick."""
    return Param(default=default, type="boolean", title=title, description=description, **more)


def texts(title: str, description: str | None = None, *, default: Sequence[str] = (), **more: Any) -> Param:
    """Texts, one a line."""
    return Param(
        list(default), type=["array", "null"], items={"type": "string"}, title=title, description=description, **more
    )  # fmt: skip


def whole(title: str, default: int, description: str | None = None, *, least: int = 0, **more: Any) -> Param:
    """A whole number."""
    return Param(default, type="integer", minimum=least, title=title, description=description, **more)


def number(title: str, default: float, description: str | None = None, **more: Any) -> Param:
    """Any number from 0 on."""
    return Param(default, type="number", minimum=0, title=title, description=description, **more)


def pace(**place: Any) -> dict[str, Param]:
    """How fast bytes may go; ``place``: the section that holds the fields."""
    return {
        "bandwidth": Param(
            "", type=["string", "null"], title="Bandwidth limit", **place,
            description="50MiB/s, or by time of day: 08:00-18:00=50MiB/s, 200MiB/s. Empty: no limit.",
        ),
        "threads": whole(
            "Threads", 0, "Files and parts copied at one time; 0: as many as suit their sizes, the distance and the memory.",
            maximum=256, **place,
        ),
    }  # fmt: skip


def priority() -> Param:
    """``priority``."""
    return whole(
        "Priority", PRIORITY, "Of this run among those that share the bandwidth of a zone: 20 gets twice what 10 gets.", least=1, maximum=1000, section=ADVANCED
    )  # fmt: skip


def largest_share(title: str, default: float, description: str) -> Param:
    """``max_delete_ratio``."""
    return number(title, default, description, maximum=1, section=ADVANCED)


def attributes(title: str) -> Param:
    """``preserve``."""
    return texts(title, default=_ATTRIBUTES, examples=[*_ATTRIBUTES, "xattrs"], section=ADVANCED)


def allow_snapshot(side: str) -> Param:
    """Whether the ``side``, source or destination, may be made snapshottable."""
    return yes_no(
        f"Make the {side} snapshottable", "Where it is not yet and the connection's user may do it.",
        default=True, section=ADVANCED,
    )  # fmt: skip


def skip_unholdable(side: str) -> Param:
    """Whether what the ``side``, target or destination, cannot hold is left out."""
    return yes_no(
        f"Go on without what the {side} cannot hold", section=ADVANCED,
        description="Names too long for it, links, devices. Without this they stop the run before anything is copied.",
    )  # fmt: skip


def exclusive(side: str) -> Param:
    """Whether nobody else writes to the ``side``, target or destination."""
    return yes_no(
        f"This run is the {side}'s only writer", section=ADVANCED,
        description="A promise, for stores that cannot create a file only where none is.",
    )  # fmt: skip


def _text_of(name: str) -> str:
    if name in _LISTS:
        return f"{{{{ (params.{name} or []) | tojson }}}}"
    return f"{{{{ params.{name} or '' }}}}" if name in _TEXTS else f"{{{{ params.{name} }}}}"
