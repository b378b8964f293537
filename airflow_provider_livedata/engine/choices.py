"""Options that have one of a few values. Pure."""

from __future__ import annotations

from typing import Any, get_args

from airflow_provider_livedata.engine.errors import BadOption


def refuse_unknown(name: str, value: object, choices: Any) -> None:
    """Let only the values of a ``Literal`` pass.

    Raises:
        BadOption: It is another one; names those that are known.
    """
    known = get_args(choices)
    if value not in known:
        raise BadOption(f"{name} is one of {', '.join(known)}", **{name: value})
