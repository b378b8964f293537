"""The commands ``hadoop fs`` and ``hadoop distcp`` for scripts, from the jars that tests have: a Hadoop distribution holds much else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.services.hdfs import CommandFailed


def run_script(
    script: str,
    folder: Path,
    classpath: Sequence[str | Path],
    *args: str,
    user: str,
    properties: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a bash script that calls ``hadoop fs``, or ``hadoop distcp`` on the job runner of one process, as ``user``.

    Args:
        script: Its text.
        folder: For the script and the command; emptied by the test.
        classpath: Of Hadoop's jars, the configuration first.
        args: Of the script.
        user: As whom.
        properties: Hadoop's, in addition to the configuration.
        env: Variables of the script.

    Raises:
        CommandFailed: It did not end well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    defines = " ".join(f"'-D{name}={value}'" for name, value in (properties or {}).items())
    command = folder / "hadoop"
    command.write_text(
        "#!/usr/bin/env bash\n"
        'case "$1" in fs) tool=fs.FsShell ;; distcp) tool=tools.DistCp ;; *) exit 64 ;; esac\n'
        f'shift\nexec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "{":".join(map(str, classpath))}" '
        f'"org.apache.hadoop.$tool" {defines} "$@"\n'
    )
    command.chmod(0o700)
    file = folder / "restore.sh"
    file.write_text(script)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "HADOOP_USER_NAME": user, **(env or {})}
    done = subprocess.run(
        ["bash", str(file), *args],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise CommandFailed(f"{script}\n{done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
