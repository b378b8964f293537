"""A policy file of Apache Sentry, to be read: written by hand, or exported by its ``SentryConfigToolSimple``.

[groups]
analysts = reader, writer
[roles]
reader = server=server1->db=sales->action=select
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.base import Plain
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Policy, Who
from airflow_provider_livedata.engine.policies.sentry import PARTS, policies_of

_CONTINUED = re.compile(r"\\[ \t]*\r?\n[ \t]*")  # a line that ends with a backslash goes on in the next


class SentryFile(Plain):
    """What a file grants on Hive.

    Raises:
        BadInput: It is no policy file of Sentry.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        parser = configparser.RawConfigParser(
            delimiters=("=",), strict=False, comment_prefixes=("#", ";"), empty_lines_in_values=False
        )
        parser.optionxform = str  # type: ignore[assignment, method-assign]  # names keep their case
        try:
            parser.read_string(_CONTINUED.sub(" ", data.decode("utf-8")))
            self._groups = {group: _listed(value) for group, value in parser.items("groups")}
            self._roles = {role: _listed(value) for role, value in parser.items("roles")}
        except (configparser.Error, UnicodeDecodeError) as error:
            raise BadInput(
                f"no policy file of Sentry, with [groups] and [roles]: {type(error).__name__}", file=name
            ) from None
        self._others = [file for _, file in parser.items("databases")] if parser.has_section("databases") else []

    def facts(self) -> Facts:
        """See ``PolicySource``."""
        return Facts("hive", frozenset(), PARTS)

    def policies(self) -> Iterator[Policy | Broken]:
        """See ``PolicySource``."""
        for file in self._others:
            yield Broken(f"database file {file}", "it is not read: give its grants in this file", only_allows=True)
        yield from policies_of(self._roles)

    def roles(self) -> dict[str, Who]:
        """See ``PolicySource``; Sentry gives roles to groups."""
        found: dict[str, set[str]] = {role: set() for role in self._roles}
        for group, roles in self._groups.items():
            for role in roles:
                found.setdefault(role, set()).add(group)
        return {role: Who(groups=tuple(sorted(groups))) for role, groups in found.items()}


def _listed(value: str | None) -> list[str]:
    return [one.strip() for one in (value or "").split(",") if one.strip()]
