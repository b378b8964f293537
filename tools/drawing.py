#!/usr/bin/env python3
"""Draw the layers from the imports that are really there: docs/layers.md, in Mermaid. ``make drawing`` writes it."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs/layers.md"
PACKAGE = "airflow_provider_livedata"
HEAD = """# The layers, drawn from the imports

Written by `make drawing`; a test fails when it is not what the code says. An arrow goes from who imports to what is
imported; arrows that others imply are left out. What each part is for: [architecture.md](architecture.md). The rules: `pyproject.toml`, import-linter.
"""


def drawing() -> str:
    """The whole page."""
    graph = grimp.build_graph(PACKAGE)
    layers = _layers()
    whole = _mermaid(_arrows(graph, _of_package))
    engine = _mermaid(_arrows(graph, lambda module: _of_engine(module, layers)))
    return f"{HEAD}\n## The package\n\n{whole}\n## The engine, by the layers of its contract\n\n{engine}"


def _of_package(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _layers() -> dict[str, str]:
    """The layer of each module of the engine, named by all that are in it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    lines = next(one["layers"] for one in contracts if one["name"] == "Data flows one way")
    return {name.strip(): line for line in lines for name in line.split("|")}


def _of_engine(module: str, layers: dict[str, str]) -> str:
    names = module.split(".")
    return layers.get(names[2], "") if len(names) > 2 and names[1] == "engine" else ""


def _arrows(graph: grimp.ImportGraph, part_of: Callable[[str], str]) -> set[tuple[str, str]]:
    found = set[tuple[str, str]]()
    for module in sorted(graph.modules):
        ours = part_of(module)
        theirs = {part_of(one) for one in graph.find_modules_directly_imported_by(module)}
        found.update((ours, one) for one in theirs if ours and one and one != ours)
    return found


def _mermaid(arrows: set[tuple[str, str]]) -> str:
    below: dict[str, set[str]] = {}
    for one, other in arrows:
        below.setdefault(one, set()).add(other)
    names = sorted({name for pair in arrows for name in pair})
    lines = [f'    n{number}["{_wrapped(name)}"]' for number, name in enumerate(names)]
    for one, other in sorted(arrows):
        if not any(_reaches(below, near, other) for near in below[one] - {other}):
            lines.append(f"    n{names.index(one)} --> n{names.index(other)}")
    return "\n".join(["```mermaid", "graph TD", *lines, "```", ""])


def _reaches(below: dict[str, set[str]], one: str, other: str) -> bool:
    return one == other or any(_reaches(below, near, other) for near in below.get(one, ()))


def _wrapped(name: str) -> str:
    parts = name.split(" | ")
    return "<br/>".join(", ".join(parts[first : first + 6]) for first in range(0, len(parts), 6))


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if FILE.read_text() == drawing() else "docs/layers.md is not what the imports say: make drawing")
    FILE.write_text(drawing())
