"""Check a file before it is deployed: ``python -m airflow_provider_livedata.configuration livedata.yaml``."""

from __future__ import annotations

import sys

from airflow_provider_livedata.configuration import load


def main(arguments: list[str]) -> int:
    """Say what is wrong with the file, or that nothing is. The result is 1 where something is."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m airflow_provider_livedata.configuration FILE\n")
        return 2
    found = load(arguments[0])
    for problem in found.problems:
        sys.stdout.write(f"{problem}\n")
    sections = ("zones", "replications", "backups", "locations")
    counts = ", ".join(f"{len(getattr(found, name))} {name}" for name in sections)
    sys.stdout.write(f"{found.file}: {counts} can be used; {len(found.problems)} problems\n")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
