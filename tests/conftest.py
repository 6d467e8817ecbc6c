"""What holds for every test: one thread a process, and folders of its own for what is cached.

Several workers (`pytest -n 2 --dist loadfile`) share the files among them. Tests of one file stay
on one worker, in their order, since they share what is costly: a search, a browser, a JupyterLab.
"""

import os
import sys

import pytest

from enas_viz.spaces import operations

# Before any test imports torch. Processes that tests start inherit it.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # a waiting thread leaves its core to others

# nbformat imports jsonschema, and that a package which compiles a grammar for seconds, for a format
# that no notebook has; without it, jsonschema leaves that format unchecked.
sys.modules.setdefault("rfc3987_syntax", None)

# The longest files, which workers take first, so that none is left to one of them at the end.
LONGEST = (
    *("test_never_lost", "test_ranks", "test_strategies", "test_ugly_ways", "test_tiny"),
    *("test_fits", "test_wrong_objects", "test_site_pages", "test_site", "test_notebook7"),
    *("test_every_widget", "test_micro_notebook", "test_macro_notebook", "test_dashboard_lab"),
    *("test_replay_page", "test_benchmarks", "test_micro_supernet", "test_search_notebook"),
    *("test_cli", "test_waiting", "test_microscope_lab", "test_reproduction"),
    *("test_design_notebook", "test_gallery_page", "test_binder", "test_animation"),
)


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):  # of a worker of pytest-xdist
        places = {name: place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory):
    """Decoded images and IPython's history go to folders of this worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENAS_VIZ_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        yield


@pytest.fixture(autouse=True)
def own_operations(monkeypatch):
    """What a test makes known by name, no other test knows."""
    monkeypatch.setattr(operations, "_known", dict(operations._known))
