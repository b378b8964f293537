"""Fetch what is measured beside the engine, into the cache of the tests: rclone with Go, DistCp and S3A with Maven.

    python -m benchmarks.fetch [rclone] [distcp]

Only ``make bench`` calls this: rclone takes minutes to build, and the SDK of S3A is 700 MB.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.services.fetch import (
    HADOOP_VERSION,
    CannotFetch,
    cache,
    copy_jars,
    digest,
    ensure,
    ensure_commands,
    install_go,
    say,
)

RCLONE_VERSION = "v1.76.0"
POM = Path(__file__).parent / "poms" / "distcp.xml"


def rclone() -> Path:
    """Return rclone's binary, built when it is not there yet."""
    return ensure(_rclone_place(), _make_rclone) / "rclone"


def distcp_lib() -> Path:
    """Return the directory of DistCp's jars, fetched when it is not there yet."""
    ensure_commands({"java": "openjdk-17-jre-headless"})
    return ensure(_distcp_place(), _make_distcp)


def is_fetched(name: str) -> bool:
    """Say whether ``rclone`` or ``distcp`` is there already."""
    return {"rclone": _rclone_place, "distcp": _distcp_place}[name]().is_dir()


def _rclone_place() -> Path:
    return cache() / f"rclone-{RCLONE_VERSION}" / "bin"


def _distcp_place() -> Path:
    return cache() / f"distcp-{HADOOP_VERSION}" / digest(POM) / "lib"


def _make_rclone(draft: Path) -> None:
    say(f"building rclone {RCLONE_VERSION} with Go into {cache()}: up to 10 minutes, once")
    install_go(f"github.com/rclone/rclone@{RCLONE_VERSION}", draft)


def _make_distcp(draft: Path) -> None:
    say(f"fetching DistCp and S3A {HADOOP_VERSION} (750 MB) with Maven into {cache()}")
    copy_jars(POM, draft)


ITEMS: dict[str, Callable[[], Path]] = {"rclone": rclone, "distcp": distcp_lib}


def main(names: Sequence[str]) -> int:
    """Fetch the named items, or all of them."""
    for name in names or ITEMS:
        try:
            say(f"{name}: {ITEMS[name]()}")
        except CannotFetch as error:
            say(f"{name}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
