"""Measure, store what was measured, and write the page: ``python -m benchmarks``, or ``make bench``.

--size tiny            the same on very little data, to see that it runs
--only copies limit    these sections alone; the page keeps what it has of the others
--copies "s3-hdfs large"    these copies alone; the page keeps the others, and tells when and of what each was measured
--contenders rclone    beside ours; those of rclone and distcp that are fetched already when not named
--page-only            write the page from the results that are there
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    copies,
    cycles,
    fetch,
    limit,
    metadata,
    namenode,
    neighbours,
    page,
    planning,
    proving,
    results,
    retention,
)
from benchmarks.shapes import SIZES, Size
from benchmarks.site import Site

REPOSITORY = Path(__file__).parents[1]
SECTIONS: dict[str, Callable[[Site, Size, frozenset[str]], dict[str, Any]]] = {
    "copies": copies.measure,
    "proving": proving.measure,
    "namenode": namenode.measure,
    "neighbours": neighbours.measure,
    "limit": limit.measure,
    "planning": planning.measure,
    "retention": retention.measure,
    "cycles": cycles.measure,
    "metadata": metadata.measure,
}


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    asked = _parser().parse_args(arguments)
    found = results.load(asked.results)
    if not asked.page_only:
        with Site(touches=asked.size != "tiny") as site:
            _measure(site, asked, found)
    page.write(asked.page, found)
    results.say(f"wrote {asked.page}")


def _measure(site: Site, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    chosen = frozenset(asked.contenders if asked.contenders is not None else filter(fetch.is_fetched, fetch.ITEMS))
    missing = sorted(set(fetch.ITEMS) - chosen)
    if missing:
        results.say(f"without {', '.join(missing)}: python -m benchmarks.fetch {' '.join(missing)}")
    sections = SECTIONS
    if asked.copies:
        sections = {"copies": lambda site, size, chosen: copies.measure(site, size, chosen, asked.copies)}
    for name in asked.only or sections:
        began = time.monotonic()
        measured = sections[name](site, SIZES[asked.size], chosen)
        of = results.circumstances(asked.size, site)
        results.put(found, name, of, measured, is_all=not asked.copies)
        results.store(asked.results, found)  # at once: what follows may fail
        results.say(f"{name}: {time.monotonic() - began:.0f} s")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", choices=sorted(SIZES), default="usual")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--only", nargs="+", choices=list(SECTIONS))
    what.add_argument("--copies", nargs="+", choices=copies.KEYS)
    parser.add_argument("--contenders", nargs="*", choices=list(fetch.ITEMS))
    parser.add_argument("--results", type=Path, default=REPOSITORY / "benchmarks" / "results.json")
    parser.add_argument("--page", type=Path, default=REPOSITORY / "docs" / "benchmarks.md")
    parser.add_argument("--page-only", action="store_true")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
