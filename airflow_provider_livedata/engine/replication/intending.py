"""Write down what a run is about to do, before it does anything else."""

from __future__ import annotations

from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.replication.finding import Known
from airflow_provider_livedata.engine.report import Report


def intent_of(run: int) -> str:
    """The file that a run begins with."""
    return f"runs/{run:012d}/intent.json"


def is_staged(known: Known, options: ReplicateOptions) -> bool:
    """Whether a run with changes stages everything first, so that nothing is moved before its commit."""
    return options.consistency == "snapshot" and known.checkpoint is not None


def intend(run: int, replication: str, known: Known, options: ReplicateOptions, report: Report) -> None:
    """Write it; from here on the number is that of the report's run.

    Raises:
        AlreadyExists: Another run has the number.
    """
    value = {
        "format": 1,
        "run": run,
        "replication": replication,
        "source": report.source,
        "target": report.target,
        "started_ms": report.started_ms,
        "base": known.checkpoint.run if known.checkpoint else 0,
        "filter_digest": options.filter.digest,
        "exclude": list(options.filter.exclude),
        "unfinished": known.unfinished,
        "staged": is_staged(known, options),
    }
    known.state.write_json(intent_of(run), value, create_only=True)
    report.run = run
