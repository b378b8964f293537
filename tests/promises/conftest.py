"""What the promises are held against: pairs of zones in memory, and where only they can show it, real HDFS and S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.conftest import make_pair
from tests.system.conftest import Place, target, zones_are_let_go

__all__ = ["make_pair", "target", "zones_are_let_go"]


@pytest.fixture
def source(tmp_path: Path) -> Place:
    """An empty directory of this machine, for what only the real S3 has to show."""
    (tmp_path / "source").mkdir()
    return Place(f"file://{tmp_path}/source", {})
