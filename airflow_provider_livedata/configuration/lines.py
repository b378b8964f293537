"""YAML with the line of everything: plain values, where each of them stands, and what cannot be read.

Nothing of a file makes this fail: what is nested too deeply, refers to itself or grows beyond all bounds is a problem as others are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from airflow_provider_livedata.configuration.cutting import Cut, cuts
from airflow_provider_livedata.configuration.problems import Path, Problem

MAX_DEPTH = 20
MAX_VALUES = 200_000  # aliases counted each time that they are used
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TEXTS = {f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}value"}
_COLLECTIONS = {f"{_TAG}map", f"{_TAG}seq"}
_SCALARS = {
    f"{_TAG}null": lambda _, node: None,
    f"{_TAG}bool": yaml.constructor.SafeConstructor.construct_yaml_bool,
    f"{_TAG}int": yaml.constructor.SafeConstructor.construct_yaml_int,
    f"{_TAG}float": yaml.constructor.SafeConstructor.construct_yaml_float,
}
_CONSTRUCTOR = yaml.constructor.SafeConstructor()


class _TooMuch(Exception):
    """The file holds more values than anybody writes."""


@dataclass(slots=True)
class Document:
    """What a file says: plain values, and the line of each, counted from 1."""

    file: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of what ``path`` leads to, or of the nearest that is there and holds it; 0 where nothing is."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def problem(self, path: Path, message: str, line: int | None = None) -> None:
        """Note that something is wrong at ``path``."""
        self.problems.append(Problem(self.file, self.line(path) if line is None else line, path, message))


def parse(text: str, file: str) -> Document:
    """Read YAML; what is no YAML is a problem, of an entry where it can be told which one, else of the file."""
    document = Document(file)
    try:
        node = _composed(text, document)
        if node is not None:
            document.value = _Walk(document).value(node, ())
    except _TooMuch as error:
        document.problem((), str(error), 0)
    return document


def _composed(text: str, document: Document) -> Any:
    """The tree of a text; entries that are no YAML are left out, one after the other. None where nothing can be read."""
    while True:
        try:
            return _compose(text)
        except yaml.YAMLError as error:
            cut = _next_cut(text, error)
            more = f"; left out with it: {', '.join(cut.more)}" if cut and cut.more else ""
            document.problem(cut.path if cut else (), f"not YAML: {_said(error)}{more}", _line_of(error))
        if cut is None:
            return None
        text = cut.text


def _next_cut(text: str, error: yaml.YAMLError) -> Cut | None:
    """The text without the entry that is to blame: without it all can be read, or all up to a later line."""
    began = _line_of(error, "context_mark")
    ended = _line_of(error)
    candidates = cuts(text, [line for line in (began, ended, ended - 1) if line > 0])
    reached = {cut.line: _readable_until(cut.text) for cut in candidates}
    best = max(candidates, key=lambda cut: reached[cut.line], default=None)
    return best if best is not None and reached[best.line] > ended else None


def _readable_until(text: str) -> float:
    try:
        _compose(text)
    except yaml.YAMLError as error:
        return _line_of(error)
    return float("inf")


def _compose(text: str) -> Any:
    _check_depth(text)
    return yaml.compose(text, Loader=_LOADER)


def _line_of(error: yaml.YAMLError, mark: str = "problem_mark") -> int:
    found = getattr(error, mark, None) or getattr(error, "problem_mark", None)
    return found.line + 1 if found else 0


def _said(error: yaml.YAMLError) -> str:
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read")
    return f"{what}; a text that begins with * or & needs quotes" if "alphabetic" in what else what


def _check_depth(text: str) -> None:
    # Before the tree is made: that is done by recursion.
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.events.CollectionStartEvent)
        depth -= isinstance(event, yaml.events.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)


class _Walk:
    """Turns nodes into values, once for each place where they are used."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def value(self, node: Any, path: Path) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            raise _TooMuch(f"more than {MAX_VALUES:,} values, aliases counted where they are used")
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > MAX_DEPTH:
            return self._refused(path[:2], "nested too deeply, or an alias of what it stands in", node)
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
            return self._refused(path, f"the tag {node.tag.replace(_TAG, '!!')} is not used here", node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                merged = {**self._merged(value, path), **merged}
            elif not isinstance(key, yaml.ScalarNode):
                self._refused(path, "a name is a text", key)
            elif key.value in found:
                inside = (*path, key.value)
                self._refused(inside, f"twice here, first in line {self._document.lines[inside]}", key)
            else:
                self._document.lines[(*path, key.value)] = key.start_mark.line + 1
                found[key.value] = self.value(value, (*path, key.value))
        return {**merged, **found}

    def _merged(self, node: Any, path: Path) -> dict[str, Any]:
        """What ``<<: *other`` or ``<<: [*one, *other]`` brings; the first that has a name counts."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for one in nodes:
            value = self.value(one, (*path, "<<"))
            if not isinstance(value, dict):
                self._refused(path, "<< takes an alias of a mapping, or a list of them", node)
                break
            found = {**value, **found}
        return found

    def _scalar(self, node: Any, path: Path) -> Any:
        if node.tag in _TEXTS:
            return node.value
        if node.tag not in _SCALARS:
            return self._refused(path, f"the tag {node.tag.replace(_TAG, '!!')} is not used here", node)
        try:
            return _SCALARS[node.tag](_CONSTRUCTOR, node)
        except (ValueError, KeyError, ArithmeticError, IndexError, yaml.YAMLError):
            return self._refused(path, f"not a value of {node.tag.replace(_TAG, '!!')}", node)

    def _refused(self, path: Path, message: str, node: Any) -> None:
        self._document.problem(path, message, node.start_mark.line + 1)
