"""Clients of a bucket that outlive the zone they were made for: the next zone of the same bucket and keys takes them over.

Making them costs 30 ms of CPU and their first requests as much again, which a live replication would pay for every cycle. Their
connections are closed when no zone has them. Those of a session, or of keys found by it, are not kept: it may change its mind.
"""

from __future__ import annotations

import os
import threading
from collections import Counter

from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.s3.clients import S3Clients, S3Options

MOST_KEPT = 8
_Key = tuple[int, str, S3Options, tuple[tuple[str, str], ...]]

_lock = threading.Lock()
_kept: dict[_Key, S3Clients] = {}  # the one that was asked for last comes last
_users: Counter[int] = Counter()


def take(address: Address, options: S3Options) -> S3Clients:
    """Clients of a bucket, to be given back.

    Raises:
        CredentialsRefused: There are no credentials at all.
    """
    if options.session is not None or options.access_key_id is None:
        return S3Clients(address, options)
    key = (
        os.getpid(),
        address.authority,
        options,
        _surroundings(),
    )  # what was made before a fork is of no use after it
    with _lock:
        clients = _kept.pop(key, None) or S3Clients(address, options)
        _kept[key] = clients
        _users[id(clients)] += 1
        for old in [one for one, its in _kept.items() if not _users[id(its)]][: max(0, len(_kept) - MOST_KEPT)]:
            del _kept[old]
    return clients


def _surroundings() -> tuple[tuple[str, str], ...]:
    """What the clients read of the environment when they are made."""
    return tuple(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith("AWS_") or name.lower().endswith("_proxy")
    )


def give_back(clients: S3Clients) -> None:
    """Close their connections unless another zone has them too."""
    with _lock:
        _users[id(clients)] -= 1
        is_used = _users[id(clients)] > 0
        if not is_used:
            del _users[id(clients)]
    if not is_used:
        clients.close()
