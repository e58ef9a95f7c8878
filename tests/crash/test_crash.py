"""The short form of each scenario: the same code and the same judge as the long one."""

import pytest
from campaign import SCENARIOS

TIMES = {"kill": 6, "eio-write": 2, "eio-sync": 3, "damage": 6}  # else once
SEED = 5


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_acknowledged_is_lost(name, tmp_path):
    figures = SCENARIOS[name](tmp_path, TIMES.get(name, 1), SEED, False)
    assert figures["acknowledged"] > 0
