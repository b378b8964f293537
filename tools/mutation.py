#!/usr/bin/env python3
"""Break modules on purpose, one place at a time, and list what their unit tests do not notice.

    tools/mutation.py [--every N] [--only TEXT] module.py ...

Each mutant is a child of this process that imports the changed module instead of the file and runs the unit tests which
import it, those first that caught the one before. No file is changed. What survives is explained in docs/testing.md.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 300
KILLED, SURVIVED = 1, 0
_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
}  # fmt: skip


class Mutant(NamedTuple):
    """A module with one place changed."""

    line: int
    what: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse(source)
    types = _annotations(tree)  # never evaluated
    for number, node in enumerate(ast.walk(tree)):
        for what, change in () if node in types else changes_of(node):
            changed = copy.deepcopy(tree)
            twin = next(one for place, one in enumerate(ast.walk(changed)) if place == number)
            Replaced(twin, change(twin)).visit(changed)
            yield Mutant(getattr(node, "lineno", 0), what, ast.fix_missing_locations(changed))


def _annotations(tree: ast.Module) -> set[ast.AST]:
    given = [getattr(node, name, None) for node in ast.walk(tree) for name in ("annotation", "returns")]
    return {node for one in given if isinstance(one, ast.AST) for node in ast.walk(one)}


class Replaced(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        """Replace it, or look below."""
        return self.new if node is self.old else self.generic_visit(node)


def changes_of(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], ast.AST]]]:
    """What can be changed at a node: a text, and a function that makes the new node of its twin."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        new = _COMPARED[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} -> {new.__name__}", lambda twin: _with(twin, ops=[new(), *twin.ops[1:]])
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{type(node.op).__name__} -> {other.__name__}", lambda twin: _with(twin, op=other())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not x -> x", lambda twin: twin.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in _COUNTED:
        counted = _COUNTED[type(node.op)]
        yield f"{type(node.op).__name__} -> {counted.__name__}", lambda twin: _with(twin, op=counted())
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        value = (not node.value) if isinstance(node.value, bool) else node.value + 1
        yield f"{node.value} -> {value}", lambda twin: _with(twin, value=value)
    elif isinstance(node, ast.IfExp):
        yield "branches swapped", lambda twin: _with(twin, body=twin.orelse, orelse=twin.body)
    elif isinstance(node, ast.If | ast.While):
        yield "condition negated", lambda twin: _with(twin, test=ast.UnaryOp(ast.Not(), twin.test))
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "returns None", lambda twin: _with(twin, value=ast.Constant(None))
    elif isinstance(node, ast.Raise | ast.AugAssign | ast.Continue | ast.Break) or _is_call(node):
        yield f"{ast.unparse(node).splitlines()[0][:60]} left out", lambda _twin: ast.Pass()


def _with(node: ast.AST, **fields: object) -> ast.AST:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield | ast.YieldFrom)


class Instead(MetaPathFinder, Loader):
    """Imports a mutant under the name of its module."""

    def __init__(self, name: str, path: Path, mutant: Mutant) -> None:
        self.name, self.path, self.mutant = name, path, mutant

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """The mutant, for its name only."""
        return ModuleSpec(fullname, self, origin=str(self.path)) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        exec(compile(self.mutant.tree, str(self.path), "exec"), module.__dict__)


def tests_of(module: str) -> list[str]:
    """The unit tests that import a module or what the engine exports."""
    found = [
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / "tests/unit").glob("test_*.py"))
        if f"{module} import" in (text := file.read_text()) or f"engine import {module.rpartition('.')[2]}" in text
    ]
    return found or ["tests/unit"]


class Watcher:
    """Tells the parent which test failed."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def pytest_runtest_logreport(self, report: object) -> None:
        """See pytest."""
        if getattr(report, "failed", False):
            os.write(self._pipe, f"{report.nodeid}\n".encode())  # type: ignore[attr-defined]


def survives(name: str, path: Path, mutant: Mutant, tests: Sequence[str]) -> tuple[bool, str]:
    """Run the tests in a child; whether nothing failed, else the test that did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _run_tests(name, path, mutant, tests, writing)
    os.close(writing)
    began, status = time.monotonic(), 0
    while (done := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() - began > TIMEOUT_S:  # a loop without end was noticed, too
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    status = done[1]
    failed = os.read(reading, 4096).decode().partition("\n")[0]
    os.close(reading)
    return status == 0, failed


def _run_tests(name: str, path: Path, mutant: Mutant, tests: Sequence[str], pipe: int) -> None:
    import pytest

    status = KILLED
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.meta_path.insert(0, Instead(name, path, mutant))
        options = [
            "-x",
            "-q",
            "--no-header",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
        ]
        status = int(bool(pytest.main([*options, *tests], plugins=[Watcher(pipe)])))
    finally:
        os._exit(status)


def judge(path: Path, every: int, only: str) -> list[str]:
    """Run all mutants of a module; those that survive, as lines."""
    name, source = ".".join(path.with_suffix("").parts), (ROOT / path).read_text()
    tests, killer, left, count = tests_of(name), "", [], 0
    if not survives(name, path, Mutant(0, "as it is", ast.parse(source)), tests)[0]:
        raise SystemExit(f"the tests of {path} fail as it is: make test-unit")
    for number, mutant in enumerate(mutants(source)):
        if number % every or only not in f"{path}:{mutant.line}: {mutant.what}":
            continue
        count += 1
        lives = True
        if killer:
            lives, _ = survives(name, path, mutant, [killer])
        if lives:
            lives, failed = survives(name, path, mutant, tests)
            killer = failed or killer
        if lives:
            left.append(f"{path}:{mutant.line}: {mutant.what}")
            print(f"  survives  {left[-1]}", flush=True)
    print(f"{path}: {count - len(left)} of {count} mutants were noticed by {', '.join(tests)}", flush=True)
    return left


def main() -> None:
    """Judge the modules of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=1, help="only each n-th mutant")
    parser.add_argument("--only", default="", help="only mutants whose line has this text")
    given = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    import hypothesis  # all of these once, not once a child
    import nanoarrow  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import pytest  # noqa: F401

    import tests.conftest  # noqa: F401

    # What a few examples do not notice is tried with all of them by hand; nothing has to be made small here.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutation", hypothesis.settings(), max_examples=25, phases=phases)
    hypothesis.settings.load_profile("mutation")
    survivors = [line for module in given.modules for line in judge(module, given.every, given.only)]
    print(f"{len(survivors)} mutants survive")


if __name__ == "__main__":
    main()
