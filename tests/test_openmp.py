"""OpenMP's waiting policy is set before torch is loaded, unless the user has set one."""

import os
import subprocess
import sys

import pytest

from enas_viz.openmp import SETTINGS, WAITING

TELL = "import os; print(os.environ.get('OMP_WAIT_POLICY'), os.environ.get('GOMP_SPINCOUNT'))"
CLEAN = {name: value for name, value in os.environ.items() if name not in SETTINGS}


def told(code, **environment):
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=CLEAN | environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_whatever_of_search_is_imported_first_waiting_is_set_before_torch_is_loaded():
    # a stand-in for torch tells what it was loaded with, without loading anything
    watch = (
        "import os, sys, importlib.abc\n"
        "class Watch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'torch':\n"
        "            print(os.environ.get('GOMP_SPINCOUNT')); sys.stdout.flush(); os._exit(0)\n"
        "sys.meta_path.insert(0, Watch())\n"
    )

    assert told(watch + "import enas_viz.search.training.draws") == WAITING["GOMP_SPINCOUNT"]


@pytest.mark.parametrize("name", SETTINGS)
def test_what_the_user_has_set_stays(name):
    code = "import enas_viz.openmp;" + TELL
    wanted = {"OMP_WAIT_POLICY": None, "GOMP_SPINCOUNT": None} | {name: "5"}

    assert told(code, **{name: "5"}) == f"{wanted['OMP_WAIT_POLICY']} {wanted['GOMP_SPINCOUNT']}"
