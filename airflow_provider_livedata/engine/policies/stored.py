"""What a sync of policies remembers, in ``.livedata/policies`` of the place that keeps its state.

.livedata/policies/state.json            what both sides were at its end
.livedata/policies/runs/<n>/...          see ``stored.sync_folder``

What belongs to the sync is told by the target itself: a lost state costs one full comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.sync_folder import SyncFolder

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


def policy_folder(state: StateFolder) -> SyncFolder[PolicyState]:
    """The files of one sync."""
    return SyncFolder(state, FOLDER, PolicyState)
