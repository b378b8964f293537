"""The one file with both vocabularies: the engine's errors become Airflow's, and texts of templates become options.

LiveDataError, retryable     AirflowException       Airflow tries again, as the task's retries say
LiveDataError, hopeless      AirflowFailException   the task fails at once
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_livedata.engine.errors import BadOption, LiveDataError
from airflow_provider_livedata.engine.options import ReplicateOptions

Options = TypeVar("Options")
_ALL_WHERE_EMPTY = frozenset({"paths"})
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0", ""})


def airflow_error(error: LiveDataError) -> AirflowException:
    """What Airflow is told: whether to try again, in the words of the engine, which hold no secret."""
    kind = AirflowException if error.retryable else AirflowFailException
    return kind(f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def airflow_errors(note: Callable[[LiveDataError], None] = lambda _: None) -> Iterator[None]:
    """Turn the engine's errors into Airflow's; ``note`` is told the engine's first."""
    try:
        yield
    except LiveDataError as error:
        note(error)
        raise airflow_error(error) from error


def options_from(values: Mapping[str, Any], **fixed: Any) -> ReplicateOptions:
    """Those of a replication; see ``options_of``."""
    return options_of(ReplicateOptions, values, **fixed)


def options_of(kind: Callable[..., Options], values: Mapping[str, Any], **fixed: Any) -> Options:
    """Options by the names of the dataclass ``kind``; a value may be a text, as templates and forms give it.

    What is None is left at its default. ``fixed`` options are not asked for by name in ``values``.

    Raises:
        BadOption: An unknown name, one of ``fixed``, or a value that the option cannot have.
    """
    known = {field.name: field for field in dataclasses.fields(kind) if field.init}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise BadOption(f"the options are {', '.join(known)}", unknown=unknown)
    given = {name: _as(_kind(known[name]))(value, name) for name, value in values.items() if value is not None}
    twice = sorted(given.keys() & fixed.keys())
    if twice:  # "dry_run" among the options of a task that is none would be a real run
        raise BadOption(
            "these are no options here, but arguments or fields of their own; give them there", options=twice
        )
    return kind(**{**given, **fixed})


def is_blank(value: Any) -> bool:
    """Whether a template or a form gave nothing: None, also as a text, or an empty text."""
    return value is None or str(value).strip() in {"", "None"}


def as_bool(value: Any, name: str) -> bool:
    """A claim from a bool or a text such as ``True``, ``no``, ``1``.

    Raises:
        BadOption: It is neither.
    """
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise BadOption(f"{name} is true or false", **{name: value})
    return text in _TRUE


def as_int(value: Any, name: str) -> int:
    """A whole number from a number or a text.

    Raises:
        BadOption: It is neither.
    """
    number = as_float(value, name)
    if number != int(number):
        raise BadOption(f"{name} is a whole number", **{name: value})
    return int(number)


def as_float(value: Any, name: str) -> float:
    """A finite number from a number or a text.

    Raises:
        BadOption: It is neither.
    """
    try:
        number = float(value)
        int(number)  # refuses what is not finite
    except (TypeError, ValueError, OverflowError):
        raise BadOption(f"{name} is a number", **{name: value}) from None
    return number


def as_texts(value: Any, name: str) -> tuple[str, ...]:
    """Texts from a list, from JSON of a list, or from lines or comma-separated words.

    Raises:
        BadOption: It is none of them, or, where an empty list means everything, a list of nothing but blanks, as of templates that came
            out empty.
    """
    items: Any = value
    if isinstance(value, str):
        items = _json_list(value) if value.lstrip().startswith("[") else value.replace(",", "\n").split("\n")
    if not isinstance(items, Iterable) or not all(isinstance(item, str) for item in items):
        raise BadOption(f"{name} is a list of texts, or a text with one of them a line", **{name: value})
    texts = tuple(text for item in items if (text := item.strip()))
    if name in _ALL_WHERE_EMPTY and not texts and list(items) and not _is_lines(value):
        raise BadOption(f"{name} is a list of blank texts; leave it empty, or say what is meant", **{name: value})
    return texts


def _is_lines(value: Any) -> bool:
    return isinstance(value, str) and not value.lstrip().startswith("[")


def _json_list(text: str) -> Any:
    # A pattern may begin with "[" too: what is not JSON is lines.
    try:
        return json.loads(text)
    except ValueError:
        return text.replace(",", "\n").split("\n")


def _kind(field: dataclasses.Field[Any]) -> type:
    # A default may be a whole number where others are allowed too.
    return float if field.type == "float" else type(field.default)


def _as(kind: type) -> Callable[[Any, str], Any]:
    return {bool: as_bool, int: as_int, float: as_float, str: _as_text, type(None): as_int}.get(kind, as_texts)


def _as_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadOption(f"{name} is a text", **{name: value})
    return value
