"""What reports have in common that are told as rows and lists: the part for XCom, and the table for people. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from airflow_provider_livedata.engine.report import SHOWN, Sealed


class Told(Sealed):
    """A dataclass whose rows and lists make a table."""

    def summary(self) -> dict[str, Any]:
        """The small part that travels through XCom: everything but lists, of which only the first items go along."""
        values = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {name: value[:SHOWN] if isinstance(value, list) else value for name, value in values.items()}

    def table(self) -> str:
        """For the log and the terminal."""
        lines = [f"{name:<17} {value}" for name, value in self._rows() if value not in ("", None)]
        for title, count, items in self._lists():
            if count:
                lines += [f"{title}:"] + [f"  {item}" for item in items[:SHOWN]]
                if count > len(items[:SHOWN]):
                    lines.append(f"  ... and {count - len(items[:SHOWN]):,} more")
        return "\n".join(lines)

    def _rows(self) -> list[tuple[str, Any]]:
        raise NotImplementedError

    def _lists(self) -> list[tuple[str, int, list[str]]]:
        raise NotImplementedError


def counted(counts: Mapping[str, int]) -> str:
    """Counts that are not zero, by what was counted."""
    return ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()) if count)
