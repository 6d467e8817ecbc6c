"""What `make soak` runs and `make test` leaves out: long versions of tests that have a short one.

Each is a further case of a test that `make test` runs, or takes longer than the fact is worth on
every run. CONTRIBUTING lists them.
"""

import os
from collections.abc import Iterable
from typing import Any

SOAK = bool(os.environ.get("ENAS_VIZ_SOAK"))


def in_soak(*cases: Any) -> Iterable[Any]:
    """These cases in `make soak`, none in `make test`."""
    return cases if SOAK else ()
