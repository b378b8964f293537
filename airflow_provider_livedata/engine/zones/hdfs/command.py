"""The command ``hdfs snapshotDiff``, for clusters whose NameNode tells no differences by WebHDFS (Hadoop 2.10, some of 3.x).

No shell is involved and no secret: the command finds its configuration as on any client machine, its user in the environment
or in the credential cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from airflow_provider_livedata.engine.errors import BadOption, Unsupported
from airflow_provider_livedata.engine.model import Change
from airflow_provider_livedata.engine.zones.hdfs.diff_text import changes_in
from airflow_provider_livedata.engine.zones.hdfs.options import HdfsOptions

_NAMES_IN_UTF8 = "-Dfile.encoding=UTF-8 -Dstdout.encoding=UTF-8 -Dsun.stdout.encoding=UTF-8 -Dsun.jnu.encoding=UTF-8"
_ADDRESSES = ("dfs.ha.namenodes.", "dfs.namenode.rpc-address.", "dfs.client.failover.proxy.provider.")
_PROVIDER = "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
_SHOWN_BYTES = 2000


@dataclass(frozen=True, slots=True)
class HdfsCommand:
    """How to run it. ``start``: the program and what stands before the name of the tool; ``environment`` is added to this process's."""

    start: tuple[str, ...]
    generic: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def difference(self, root: str, old: str, new: str) -> Iterator[Change]:
        """Yield what ``hdfs snapshotDiff`` tells; the process ends when nobody reads on.

        Raises:
            Unsupported: It cannot be run, failed, or its answer cannot be relied on.
        """
        command = [*self.start, "snapshotDiff", *self.generic, root, old, new]
        with tempfile.TemporaryFile() as said, self._begin(command, said) as process:
            try:
                yield from changes_in(process.stdout or ())
                _check(process, command, said)
            except Unsupported:
                if process.stdout is not None:
                    process.stdout.close()  # so that it does not wait to be read
                _check(process, command, said)  # where it failed, what it printed is of no interest
                raise
            finally:
                process.kill()

    def _begin(self, command: list[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **self.environment}
        try:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=environment
            )
        except OSError as error:
            raise Unsupported(f"the command cannot be run: {error.strerror}", command=command[0]) from error


def find_command(options: HdfsOptions, wanted: str | None) -> HdfsCommand | None:
    """The command of this machine for that cluster; None where there is none.

    Args:
        options: Of the cluster.
        wanted: Path of ``hdfs``; None: from PATH or HADOOP_HOME; "": none. No connection may name it: who may edit
            connections is not to choose what the worker runs.

    Raises:
        BadOption: ``wanted`` is not a program.
    """
    home = os.environ.get("HADOOP_HOME")
    places = [wanted] if wanted is not None else ["hdfs", *([f"{home}/bin/hdfs"] if home else [])]
    found = next(filter(None, map(shutil.which, places)), None)
    if wanted and found is None:
        raise BadOption("hdfs_command is not a program that can be run", hdfs_command=wanted)
    if found is None:
        return None
    start = [found, *(["--config", options.config_dir] if options.config_dir else [])]
    return HdfsCommand(tuple(start), tuple(_generic(options)), _environment(options))


def _generic(options: HdfsOptions) -> Iterator[str]:
    # Addresses alone: other settings of the connection might be secrets, and a command line is seen by everyone.
    if not options.url:
        return
    yield from ("-fs", options.url)
    name = options.url.removeprefix("hdfs://")
    if len(options.rpc) > 1:
        known = {
            key: value for key, value in options.config.items() if key.startswith(_ADDRESSES) and f".{name}" in key
        }
        provider = {f"dfs.client.failover.proxy.provider.{name}": _PROVIDER}
        for key, value in ({"dfs.nameservices": name} | provider | known).items():
            yield from ("-D", f"{key}={value}")


def _environment(options: HdfsOptions) -> dict[str, str]:
    java = " ".join(filter(None, (os.environ.get("HADOOP_CLIENT_OPTS"), _NAMES_IN_UTF8)))
    user = {"HADOOP_USER_NAME": options.user} if options.user and not options.is_kerberos else {}
    cache = {"KRB5CCNAME": options.kerberos_cache} if options.kerberos_cache else {}
    return {"HADOOP_CLIENT_OPTS": java, "LC_ALL": "C.UTF-8", **user, **cache}


def _check(process: subprocess.Popen[bytes], command: list[str], said: IO[bytes]) -> None:
    code = process.wait()
    if code == 0:
        return
    said.seek(0)
    lines = [line for line in said.read(_SHOWN_BYTES).decode(errors="replace").splitlines() if line.strip()]
    raise Unsupported(
        f"hdfs snapshotDiff failed with exit code {code}", command=command[0], reason=lines[-1] if lines else ""
    )
