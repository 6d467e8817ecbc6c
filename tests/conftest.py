"""What holds for every test: one thread a process, an own cache, and whole files a worker.

Several workers (`pytest -n 2 --dist loadgroup`) share the files among them; tests of one file stay
on one worker, in their order, since they share what is costly: a search, a browser, a JupyterLab.
"""

import os

import pytest

# Before any test imports torch. Processes that tests start inherit it.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # a waiting thread leaves its core to others


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A file is a group, unless its tests say otherwise (`pytest.mark.xdist_group`)."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory):
    """Decoded images and IPython's history go to folders of this worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENAS_VIZ_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        yield
