"""Which names people and databases have at the target: by a table, or by rules with one ``*``. Pure.

{"hdfs_*": "grp-*", "etl": "loader"}      etl -> loader, hdfs_sales -> grp-sales, anybody else -> nobody
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_livedata.engine.errors import BadOption


class Names:
    """Names of the source, each with the target's. No rules at all: every name stays what it is."""

    def __init__(self, rules: Mapping[str, str], what: str) -> None:
        for name, target in rules.items():
            if not name or not target or name.count("*") > 1 or target.count("*") > name.count("*"):
                raise BadOption(
                    f"a rule of {what} is a name for a name, or a pattern with one * for one, as in hdfs_*: grp-*", **{what: {name: target}}
                )  # fmt: skip
        self._fixed = {name: target for name, target in rules.items() if "*" not in name}
        patterns = [(*name.split("*"), target) for name, target in rules.items() if "*" in name]
        self._patterns = sorted(patterns, key=lambda one: (-len(one[0] + one[1]), one))  # the most exact one holds
        self._is_empty = not rules

    def target_of(self, name: str) -> str | None:
        """The name at the target; None: nobody has a name there for it."""
        if self._is_empty:
            return name
        if name in self._fixed:
            return self._fixed[name]
        for head, tail, target in self._patterns:
            if len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail):
                return target.replace("*", name[len(head) : len(name) - len(tail)])
        return None
