"""Thirty cycles of four zones and six locations with different homes."""

from __future__ import annotations

import pytest

from tests.system.homes_common import KINDS, Homes
from tests.system.test_homes import homes

__all__ = ["homes"]
pytestmark = pytest.mark.soak
CYCLES = 30


def test_after_each_of_thirty_cycles_every_follower_holds_what_its_home_does(homes: Homes) -> None:
    for _ in range(CYCLES):
        homes.cycle()
    assert set(homes.done) == set(KINDS)
