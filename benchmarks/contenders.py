"""Those that are compared: the engine, rclone, and Hadoop's DistCp. Each copies one spot to another in a fresh process.

Settings are those that a good user would choose for the shape; docs/benchmarks.md shows them. Secrets travel by environment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import fetch
from benchmarks.measured import OURS, Taken, launch
from benchmarks.shapes import Shape
from benchmarks.site import Site, Spot
from tests.services.isolation import isolate

Copy = Callable[[Spot, Spot], Taken]
MAPS = 8

_FEW_LARGE = ["--transfers", "4", "--checkers", "8", "--s3-chunk-size", "16Mi", "--s3-upload-concurrency", "4"]
_MANY = ["--transfers", "16", "--checkers", "16"]
RCLONE_FLAGS = {"large": _FEW_LARGE, "medium": _MANY, "small": _MANY}


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what reaches other systems, and with ``more``."""
    found = dict(os.environ)
    isolate(found)
    return {**{name: value for name, value in found.items() if not name.startswith("RCLONE_")}, **more}


def ours(options: Mapping[str, object] | None = None) -> Copy:
    """``replicate`` in a fresh process; start and imports count."""

    def copy(source: Spot, target: Spot) -> Taken:
        request = {"kind": "replicate", "source": source.place, "target": target.place, "options": options or {}}
        taken, answer = launch(OURS, env=environment(), given=json.dumps(request) + "\n")
        return replace(taken, start_s=json.loads(answer)["start_s"])

    return copy


def ours_beside_open(site: Site) -> Copy:
    """The same while a file of the HDFS is open, so that the engine asks of each file whether it is the one."""
    copy = ours()

    def copy_beside_open(source: Spot, target: Spot) -> Taken:
        with site.open_file():
            site.settle()
            return copy(source, target)

    return copy_beside_open


def rclone(site: Site, shape: Shape) -> Copy:
    """``rclone copy``."""
    command, env = rclone_command(shape), rclone_environment(site)
    binary = fetch.rclone()

    def copy(source: Spot, target: Spot) -> Taken:
        places = {"SOURCE": source.rclone, "TARGET": target.rclone}
        return launch([binary, *(places.get(word, word) for word in command[1:])], env=env)[0]

    return copy


def rclone_command(shape: Shape) -> list[str]:
    """What is run, with SOURCE and TARGET."""
    flags = RCLONE_FLAGS.get(shape.name, _MANY)
    return ["rclone", "copy", "SOURCE", "TARGET", "--config", "", "--s3-no-check-bucket", *flags]


def rclone_environment(site: Site) -> dict[str, str]:
    """Both remotes as rclone reads them from the environment."""
    remotes = {
        "HDFS": {"TYPE": "hdfs", "NAMENODE": site.hdfs.rpc, "USERNAME": site.hdfs.superuser},
        "S3": {
            "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": site.s3.endpoint, "REGION": site.s3.region,
            "ACCESS_KEY_ID": site.s3.access_key, "SECRET_ACCESS_KEY": site.s3.secret_key, "FORCE_PATH_STYLE": "true",
        },
    }  # fmt: skip
    named = {f"RCLONE_CONFIG_{one}_{key}": value for one, given in remotes.items() for key, value in given.items()}
    return environment(**named)


def distcp(site: Site, flags: Sequence[str] = ()) -> Copy:
    """DistCp on Hadoop's local job runner, so without YARN; all maps in one process."""
    lib = fetch.distcp_lib()
    env = environment(AWS_ACCESS_KEY_ID=site.s3.access_key, AWS_SECRET_ACCESS_KEY=site.s3.secret_key,
                      HADOOP_USER_NAME=site.hdfs.superuser)  # fmt: skip

    def copy(source: Spot, target: Spot) -> Taken:
        places = {"SOURCE": source.hadoop, "TARGET": target.hadoop}
        classpath = f"{site.hdfs.conf_dir}:{lib}/*"
        own = [f"-Dfs.s3a.endpoint={site.s3.endpoint}", f"-Dfs.s3a.endpoint.region={site.s3.region}"]
        words = [places.get(word, word) for word in distcp_command(*flags)]
        return launch(["java", "-Xmx1g", "-cp", classpath, words[1], *own, *words[2:]], env=env, cwd=_scratch(site))[0]

    return copy


def distcp_command(*flags: str) -> list[str]:
    """What is run, with SOURCE and TARGET; the endpoint and the classpath left out. ``flags`` replace -direct."""
    settings = {
        "mapreduce.framework.name": "local",
        "mapreduce.local.map.tasks.maximum": str(MAPS),
        "fs.s3a.aws.credentials.provider": "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider",
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false",
        "fs.s3a.fast.upload.buffer": "bytebuffer",
    }
    given = [f"-D{name}={value}" for name, value in settings.items()]
    return [
        "java",
        "org.apache.hadoop.tools.DistCp",
        *given,
        "-m",
        str(MAPS),
        *(flags or ["-direct"]),
        "SOURCE",
        "TARGET",
    ]


def _scratch(site: Site) -> Path:
    return site.hdfs.data_dir
