"""The benchmarks run; how fast anything is, they measure only when asked (`make bench`)."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from soak import SOAK

from enas_viz.facts.measured import measured, shape
from enas_viz.recipes import recipe
from enas_viz.search.nets.supernet import make_supernet

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.skipif(not SOAK, reason="make soak: it measures for twenty seconds")
def test_both_searches_can_be_measured_at_tiny_size():
    command = [sys.executable, str(BENCHMARKS / "speed.py"), "--quick", "--rounds", "1"]

    told = subprocess.run(
        [*command, "--only", "macro", "micro", "children"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    for space in ("macro", "micro"):
        assert f"{space} supernet step" in told
        assert f"{space} controller update" in told
        assert f"{space} child step" in told


def test_what_a_recipe_needs_can_be_measured_again():
    tool = BENCHMARKS.parent / "tools" / "measure_recipes.py"
    command = [sys.executable, str(tool), "--inside", "macro-tiny"]

    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    found, kept = json.loads(told.splitlines()[-1]), measured()["macro-tiny"]
    assert found.keys() == kept.keys()
    assert found["of"] == shape(recipe("macro-tiny"))
    assert found["reward_kernels"] == pytest.approx(kept["reward_kernels"], rel=0.2)


def test_the_work_of_a_path_grows_with_the_batch_and_its_operations_exactly(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import limits

    made = recipe("micro-released", fidelity="default", network__filters=4)
    net, path = make_supernet(made, 3, 10, 0), made.space.sample(random.Random(0))

    (one,) = limits.work_of(net, [path], torch.zeros(1, 3, 32, 32))
    (two,) = limits.work_of(net, [path], torch.zeros(2, 3, 32, 32))

    assert two.flops == 2 * one.flops
    assert one.bytes < two.bytes < 2 * one.bytes  # the weights are read once


def test_a_convolution_moves_its_input_its_weights_and_its_output(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import limits

    images, kernel = torch.zeros(2, 3, 8, 8), torch.zeros(5, 3, 1, 1)
    with limits.Moved() as moved:
        torch.relu(torch.conv2d(images, kernel))

    assert moved.bytes == 4 * (2 * 3 * 64 + 5 * 3 + 2 * 5 * 64)
