"""How the next architecture is chosen: a strategy is one file; `strategy.py` is the seam.

Until version 0.2 a module of this name held running, folders and building, which are in
`search/runs/` now; their names can still be had from here, with a warning, for one release.
"""

import warnings
from typing import Any

_MOVED = {
    **dict.fromkeys(("run", "train_child", "resume", "restore"), "run"),
    **dict.fromkeys(("FolderError", "read_run"), "folder"),
    **dict.fromkeys(("build", "pick_device"), "build"),
}


def __getattr__(name: str) -> Any:
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from enas_viz.search.runs import build, folder, run

    home = {"build": build, "folder": folder, "run": run}[_MOVED[name]]
    warnings.warn(
        f"{__name__}.{name} is {home.__name__}.{name} now; the old name will be gone in the next "
        f"release",
        FutureWarning,
        stacklevel=2,
    )
    return getattr(home, name)
