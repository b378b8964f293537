"""The commands of standard tools that bring a backup back. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from airflow_provider_livedata.engine.backup_record import BackupRecord

DESTINATION = "$DESTINATION"


def restore_commands(record: BackupRecord, all_records: Sequence[BackupRecord]) -> list[str]:
    """What restores the whole backup to ``$DESTINATION``, an address that those tools know (``hdfs://nn:8020/data/sales``, a path).

    ``all_records``: of all backups that are there, since files that did not change lie in the directories of earlier ones.
    """
    if record.snapshot:
        return [f'hadoop fs -cp -p {_quoted(_snapshot_path(record))}/* "{DESTINATION}"']
    if record.layout == "tree":
        return [_copy_all(record.place, record.name)]
    needed = sorted((one for one in all_records if one.number <= record.number), key=lambda one: one.number)
    return [_copy_all(record.place, one.name) for one in needed]


def _snapshot_path(record: BackupRecord) -> str:
    scheme, _, rest = record.place.partition("://")
    authority, _, path = rest.partition("/")
    root = record.snapshot_root.strip("/")
    below = path.removeprefix(root).strip("/")
    return f"{scheme}://{authority}/{root}/.snapshot/{record.snapshot}" + (f"/{below}" if below else "")


def _copy_all(place: str, name: str) -> str:
    scheme, _, rest = place.partition("://")
    if scheme == "file":
        return f'cp -a {_quoted("/" + rest.lstrip("/") + "/" + name)}/. "{DESTINATION}"'
    hadoop_scheme = "s3a" if scheme == "s3" else scheme
    return f'hadoop fs -cp -f {_quoted(f"{hadoop_scheme}://{rest}/{name}")}/* "{DESTINATION}"'


def _quoted(text: str) -> str:
    return shlex.quote(text)
