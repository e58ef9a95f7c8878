"""Doing several things at once."""

import threading

from support.deadline import DEADLINE


def in_threads(functions):
    """Runs them all at once; what they raise is raised."""
    errors = []

    def run(function):
        try:
            function()
        except BaseException as error:  # shown below, in the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(f,), daemon=True) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * DEADLINE)
        assert not thread.is_alive()
    if errors:
        raise errors[0]
