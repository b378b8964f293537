"""What a failed check is told as: what is there, what may be there, and the way out. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

_KINDS = {
    "string_type": "a text", "int_type": "a whole number", "float_type": "a number", "bool_type": "true or false",
    "list_type": "a list", "model_type": "a mapping of names", "dict_type": "a mapping of names",
    "finite_number": "a finite number",
}  # fmt: skip
_LIMITS = {
    "greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le"), "greater_than": ("more than", "gt"),
}  # fmt: skip


def worded(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One error of pydantic, in the words of this package. A value is only shown where it cannot be a secret."""
    kind, ctx = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return unknown(str(error["loc"][-1]), known_at(model, error["loc"][:-1]))
    if kind == "literal_error":
        return f"is {ctx['expected']}, not {_shown(error['input'])}"
    if kind in _KINDS:
        return f"is {_KINDS[kind]}, not {_shown(error['input'])}"
    if kind in ("string_too_short", "too_short"):
        return "may not be empty"
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        return f"is {words} {ctx[name]:g}, not {_shown(error['input'])}"
    return str(ctx["error"]) if "error" in ctx else error["msg"]


def unknown(name: str, known: Iterable[str]) -> str:
    """What is said of a name that nothing has."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}? Known" if near else "known"
    return f"is not known here; {hint} are {', '.join(names)}"


def known_at(model: Any, path: Iterable[str | int]) -> list[str]:
    """The names that a mapping may have, ``path`` below a model."""
    for part in path:
        fields: Mapping[str, Any] = getattr(model, "model_fields", {})
        if part in fields:
            model = _model_of(fields[str(part)].annotation)
    return list(getattr(model, "model_fields", {}))


def _model_of(annotation: Any) -> Any:
    """The model in ``Model``, or in ``Model | None``."""
    choices = get_args(annotation) or (annotation,)
    return next((one for one in choices if hasattr(one, "model_fields")), None)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
