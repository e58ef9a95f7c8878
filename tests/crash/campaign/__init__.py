"""Crashes of a real parlad: what goes wrong, who uses it meanwhile, and who judges."""

import pathlib
import sys

# The contract, clients and servers are told once, for all tests.
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))

from campaign.scenarios import SCENARIOS  # noqa: E402

__all__ = ["SCENARIOS"]
