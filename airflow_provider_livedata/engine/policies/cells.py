"""Row filters where a grant can be on some rows of a table: for each principal the filter that surely holds for all whom the name stands for. Pure.

    lines of the filter      bi: country = 'EU'; public: 1 = 0
    bi                       SELECT on the rows of country = 'EU', for nobody in bi comes to the second line
    ops                      nothing: who of ops is in bi as well would see other rows than the others

Grants add up, so who has two sees the rows of both; that is no more than at the source, since each is right for all who have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from airflow_provider_livedata.engine.policies.filter_expressions import Unsayable, parsed
from airflow_provider_livedata.engine.policies.filter_texts import Words, written
from airflow_provider_livedata.engine.policies.guards import Guard, Table, rows_name
from airflow_provider_livedata.engine.policies.model import Grant, Policy, Who
from airflow_provider_livedata.engine.policies.permissions import Place
from airflow_provider_livedata.engine.policies.verdicts import READ, Name, crowd_of, implied, levels_at

MOST_CHARACTERS = 2047  # of a filter of Lake Formation
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


def filter_for(name: Name, policies: Iterable[Policy], table: Place, known: Table) -> str:
    """The filter of the rows that all of this name see, as PartiQL; empty: all rows.

    Raises:
        Unsayable: It is not the same for all of them, or cannot be said exactly.
    """
    if known.refuses:
        raise Unsayable(known.refuses)
    at = (table.database, table.table)
    texts = []
    for policy in policies:
        said = [levels_at(resource, at) for resource in policy.resources]
        if not any(possible for _, possible in said):
            continue
        text = _line_of(policy, name).row_filter.strip()
        if text and not any(sure for sure, _ in said):
            raise Unsayable("of which tables it speaks is known only when it is asked")
        texts += [text] if text else []
    if not texts:
        return ""
    found = " AND ".join(sorted({written(parsed(one), known.types(), _words(known)) for one in texts}))
    if len(found) > MOST_CHARACTERS:
        raise Unsayable(f"the filter is longer than the {MOST_CHARACTERS} characters that Lake Formation takes")
    return found


def cells_of(table: Place, columns: Sequence[str], rows: str, sync: str) -> Guard:
    """The rows, and of them the columns (none: all, those to come included), under a name that tells them and the sync."""
    made = Guard(table, tuple((one, "") for one in columns), rows)
    return replace(made, place=replace(table, rows=rows_name(made, sync)))


def _line_of(policy: Policy, name: Name) -> Grant:
    """The first line that fits, for all of this name."""
    for line in policy.allow:
        crowd = crowd_of([line])
        if READ not in implied(line.accesses) or not crowd.may_have(name):
            continue
        if not crowd.has(name):
            raise Unsayable("who has this name may be under different lines of it")
        return line
    return Grant(Who())


def _words(known: Table) -> Words:
    partitions = known.partitions

    def column(name: str) -> str:
        if not _NAME.fullmatch(name):
            raise Unsayable(f"a filter of Lake Formation takes no column that is called {name}")
        return name

    return Words(
        lambda text: "'" + text.replace("'", "''") + "'", column, compares_columns=False, compares_constants=False,
        orders_texts=False, tells_missing=lambda name: name not in partitions,
    )  # fmt: skip
