"""Waiting for what other threads and processes do. Only here do tests look at a clock.

A test asserts no time: on a busy machine everything takes as long as it takes. Waiting ends after
minutes, so that a test of what never comes fails.
"""

import time
from collections.abc import Callable
from subprocess import Popen

LONG = 600  # seconds


def wait_for(holds: Callable[[], bool], process: Popen | None = None) -> None:
    """Returns once `holds()`. Fails when `process` ends before, or after ten minutes."""
    until = time.monotonic() + LONG
    while not holds():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the process ended before: {process.communicate()}")
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)
