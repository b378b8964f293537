"""Other commands that bring the bytes of a whole backup: DistCp, which copies on all nodes of a cluster, and ``aws s3``. Pure.

They do what ``restore_commands.copying`` does, for a backup of much data, or where there is no Hadoop. Source: the Apache Hadoop
documentation, "DistCp Guide"; the AWS CLI's ``s3`` commands.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from airflow_provider_livedata.engine.backups.commands import (
    DESTINATION,
    NOT_OURS,
    Layer,
    hadoop_uri,
    removing,
    snapshot_uri,
)
from airflow_provider_livedata.engine.backups.record import BackupRecord

_SHARED = ("hdfs://", "s3://", "abfs://", "gs://")  # what every node of a cluster reads


def distcp(record: BackupRecord, layers: Sequence[Layer]) -> Iterator[str]:
    """The commands of DistCp; none where the nodes of a cluster do not all read the place."""
    if not record.place.startswith(_SHARED):
        return
    if record.snapshot:
        yield f"hadoop distcp -pugpaxt {shlex.quote(f'{snapshot_uri(record)}/{NOT_OURS}')} {DESTINATION}"
        return
    for layer in layers:
        yield from removing(layer)
        if not layer.is_empty:  # -overwrite copies what the directory holds, whatever is there
            yield f"hadoop distcp -overwrite {shlex.quote(f'{hadoop_uri(record.place)}/{layer.name}')} {DESTINATION}"


def aws(record: BackupRecord, layers: Sequence[Layer]) -> Iterator[str]:
    """The commands of the AWS CLI, to another place on S3; none for a place that is not on S3."""
    if not record.place.startswith("s3://"):
        return
    for layer in layers:
        for path in layer.removed:
            at = f"{DESTINATION}/{shlex.quote(path)}"
            yield f"aws s3 rm {at}"
            yield f"aws s3 rm --recursive {at}/"
        if not layer.is_empty:
            yield f"aws s3 cp --recursive {shlex.quote(f'{record.place}/{layer.name}/')} {DESTINATION}/"
