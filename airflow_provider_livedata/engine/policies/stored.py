"""What a sync of policies remembers, in ``.livedata/policies`` of the place that keeps its state.

.livedata/policies/state.json            what both sides were at its end
.livedata/policies/runs/<n>/...          see ``stored.run_files``

What belongs to the sync is told by the target itself: a lost state costs one full comparison.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.stored.run_files import RunFiles
from airflow_provider_livedata.engine.stored.state import StateFolder

FORMAT = 1
FOLDER = "policies"


@dataclass(frozen=True, slots=True)
class PolicyState:
    """Both sides as they were when the last sync found them the same.

    ``around``: digest of roles, security zones and policies by tags; ``target_version``: empty where the sync itself changed it;
    ``report``: the last one of a sync that looked at all policies.
    """

    source: str
    target: str
    options: str
    source_version: str
    target_version: str
    around: str
    seen: int = 0
    held: int = 0
    report: str = ""
    format: int = FORMAT

    def standing(self) -> tuple[str, ...]:
        """What has to be as it was for nothing to be done."""
        return self.source, self.target, self.options, self.source_version, self.target_version, self.around


class PolicyStore:
    """The files of one sync."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self.runs = RunFiles(state, FOLDER)

    def read(self) -> PolicyState | None:
        """The state that the last sync left, or None.

        Raises:
            StateDamaged: It is not what its writer left.
        """
        value = self.state.read_json(f"{FOLDER}/state.json")
        if value is None:
            return None
        try:
            return PolicyState(**value)
        except TypeError as error:
            raise StateDamaged(
                f"the state of a policy sync is not as expected: {error}", file=self.state.address(FOLDER)
            ) from error

    def write(self, value: PolicyState) -> None:
        """Replace the state."""
        self.state.write_json(f"{FOLDER}/state.json", asdict(value))
