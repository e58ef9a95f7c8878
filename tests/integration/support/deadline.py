"""How long a test waits before it calls something a hang.

Nothing is measured by it: a test goes on at once when what it waits for is there.
"""

import os
import time

# Seconds. A sanitizer's build on a busy machine may want more.
DEADLINE = float(os.environ.get("PARLA_TEST_DEADLINE", "30"))


def eventually(probe, deadline=DEADLINE):
    """Calls probe until it gives something true, and returns that."""
    end = time.monotonic() + deadline
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < end, f"never came true: {probe}"
