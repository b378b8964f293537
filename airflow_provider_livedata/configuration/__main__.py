"""Check a file before it is deployed, and give Airflow what it says of zones.

python -m airflow_provider_livedata.configuration livedata.yaml             says what is wrong with it
python -m airflow_provider_livedata.configuration livedata.yaml --apply     also sets limits of zones and pools in Airflow's database
"""

from __future__ import annotations

import argparse
import sys

from airflow_provider_livedata.configuration import Configuration, load
from airflow_provider_livedata.configuration.paces import limits, pools


def main(arguments: list[str]) -> int:
    """Say what is wrong with the file, or that nothing is. The result is 1 where something is; then nothing is applied."""
    parser = argparse.ArgumentParser(
        "python -m airflow_provider_livedata.configuration", description="Check livedata.yaml."
    )
    parser.add_argument("file")
    parser.add_argument("--apply", action="store_true", help="set limits of zones and pools in Airflow's database")
    asked = parser.parse_args(arguments)
    found = load(asked.file)
    for problem in found.problems:
        _say(str(problem))
    sections = ("zones", "replications", "backups", "locations")
    counts = ", ".join(f"{len(getattr(found, name))} {name}" for name in sections)
    _say(f"{found.file}: {counts} can be used; {len(found.problems)} problems")
    if found.problems:
        return 1
    _pace(found, is_applied=asked.apply)
    return 0


def _pace(found: Configuration, *, is_applied: bool) -> None:
    if is_applied:
        from airflow_provider_livedata.configuration.applying import apply

        for line in apply(found):
            _say(line)
        return
    limited, asked = len(limits(found.zones)), len(list(pools(found.zones)))
    if limited or asked:
        _say(f"limits of {limited} zones and {asked} pools: add --apply to set them in Airflow's database")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
