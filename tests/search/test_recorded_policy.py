"""Facts about recording a policy, and about sampling from it as the one that learned does."""

import itertools
import json
import shutil
from dataclasses import replace

import pytest
import torch
from module import run_module

from enas_viz.recipes import ControllerConfig, Fidelity, recipe
from enas_viz.records.policy import histogram, load_policy, packed, sample, save_policy
from enas_viz.records.sampler import Sampler, weight_shapes, width
from enas_viz.records.trace import load_trace, save_trace
from enas_viz.search import ask, make_controller, record_policy, restore, run
from enas_viz.search.runs.folder import FolderError
from enas_viz.search.runs.policy import weights_of
from enas_viz.spaces import MacroSpace, MicroSpace, assemble

SHARP = ControllerConfig(hidden=12, temperature=1.7, tanh_constant=2.5, op_tanh_reduce=1.9)
PLAIN = ControllerConfig(hidden=9)
SPACES = [MacroSpace(1), MacroSpace(5), MicroSpace(4), MicroSpace(3, cells=("normal",))]
CHOICES = {
    "macro": {
        "macro_order": ("op-first", "skips-first"),
        "next_input": ("sum_over_1_plus_n", "mean"),
        "state_after_anchor": ("carried", "dropped"),
    },
    "micro": {
        "state_after_anchor": ("carried", "dropped"),
        "op_prior": ("none", "released"),
    },
}
CASES = [
    (space, config, Fidelity(**dict(zip(choices, chosen, strict=True))))
    for config in (SHARP, PLAIN)
    for space in SPACES
    for choices in [CHOICES[space.kind]]
    for chosen in itertools.product(*choices.values())
]


def controller_of(space, config, fidelity, seed=3):
    """One of random weights, far enough from chance that choices matter."""
    controller = make_controller(space, config, fidelity, seed=seed)
    with torch.no_grad():
        for weight in controller.parameters():
            weight *= 6
        if space.kind == "micro":
            controller.op_bias += torch.linspace(-1, 1, len(space.ops))
    return controller


def sampler_of(controller):
    return Sampler(controller.space, controller.config, controller.fidelity, weights_of(controller))


def told_to_browser(sampler):
    shapes = weight_shapes(sampler.space, sampler.config.hidden)
    return {**sampler.to_json(), "weights": {"final": packed(sampler.weights, shapes)}}


def uniforms_of(space, seed):
    return torch.rand(width(space), generator=torch.Generator().manual_seed(seed)).tolist()


def picks_of(steps):
    return [list(step.picks) for step in steps]


def same_logits(found, wanted):
    """Whether rows of logits, step by step, agree to 1e-6."""
    for mine, theirs in zip(found, wanted, strict=True):
        for row, other in zip(mine, theirs, strict=True):
            assert list(row) == pytest.approx(list(other), abs=1e-6, rel=0)


@pytest.mark.parametrize(("space", "config", "fidelity"), CASES)
def test_logits_are_those_of_the_controller_in_float64(space, config, fidelity):
    controller = controller_of(space, config, fidelity)
    sampler = sampler_of(controller)
    drawn = [sampler.steps((), uniforms_of(space, seed)) for seed in range(3)]
    networks = [assemble(space, picks_of(steps), sampler.order) for steps in drawn]

    rollout = controller.double().score(networks)

    for k, steps in enumerate(drawn):
        wanted = rollout.steps(k)
        assert [s.decision for s in steps] == [s.decision for s in wanted]
        same_logits([s.logits for s in steps], [s.logits for s in wanted])
        assert sampler.steps(picks_of(steps)) == steps  # told everything, it needs no draws


def test_the_browser_says_the_same_logits_and_draws_the_same(tmp_path):
    given, wanted = [], []
    for space, config, fidelity in CASES:
        controller = controller_of(space, config, fidelity)
        sampler = sampler_of(controller)
        uniforms = uniforms_of(space, 7)
        steps = sampler.steps((), uniforms)
        picks = picks_of(steps)
        half = len(picks) // 2
        other = sampler.steps(picks[:half], uniforms[::-1])
        network = assemble(space, picks, sampler.order)
        exact = controller.double().score([network]).steps(0)
        given.append([told_to_browser(sampler), uniforms, picks, half])
        wanted.append((exact, picks, picks_of(other)))
    expression = """given.map(([told, uniforms, picks, half]) => {
      const policy = m.opened(told, "final");
      const backwards = [...uniforms].reverse();
      return {
        scored: m.walk(policy, picks),
        drawn: m.walk(policy, [], (at) => uniforms[at]),
        other: m.walk(policy, picks.slice(0, half), (at) => backwards[at]),
      };
    })"""

    found = run_module(expression, given, tmp_path, "policy.js")

    for mine, (exact, picks, other) in zip(found, wanted, strict=True):
        same_logits([s["logits"] for s in mine["scored"]], [s.logits for s in exact])
        assert mine["drawn"] == mine["scored"]
        assert [s["picks"] for s in mine["drawn"]] == picks
        assert [s["picks"] for s in mine["other"]] == other


@pytest.fixture(scope="module", params=["macro", "micro"])
def finished(request, tmp_path_factory):
    """The folder of a search of one epoch that learned fast."""
    folder = tmp_path_factory.mktemp("runs") / request.param
    small = {"network__layers": 3, "network__filters": 4}
    if request.param == "micro":
        small |= {"network__nodes": 2}
    made = recipe(
        f"{request.param}-tiny",
        **small,
        train__epochs=1,
        controller__updates=2,
        controller__samples=3,
        controller__lr=0.05,
    )
    for _ in run(made, seed=4, device="cpu", folder=folder):
        pass
    return folder


def test_the_policy_of_a_run_is_its_controller_before_and_after(finished, tmp_path):
    policy = record_policy(finished)
    save_policy(policy, tmp_path / "p.policy.json.gz")
    again = load_policy(tmp_path / "p.policy.json.gz")

    search = restore(finished)
    fresh = make_controller(
        search.recipe.space, search.recipe.controller, search.recipe.fidelity, seed=4
    )
    assert again.trace == policy.trace
    assert (again.header, again.header.seed) == (policy.header, 4)
    for stage, live in (("first", fresh), ("final", search.controller)):
        recorded, asked = again.controller(stage), ask(live, again.header)
        for seed in range(10):  # by the same draws
            mine, theirs = recorded(seed=seed), asked(seed=seed)
            assert mine.architecture == theirs.architecture
            assert mine.header == theirs.header
            told = picks_of(theirs.steps)[:3]
            assert recorded(told, seed=1).architecture == asked(told, seed=1).architecture
    assert not all((again.first[name] == again.final[name]).all() for name in again.first)


def test_a_histogram_is_of_any_controller_live_or_recorded(finished):
    recorded = record_policy(finished).controller("final")
    live = ask(restore(finished))

    assert histogram(sample(recorded, 30)) == histogram(sample(live, 30))


def test_a_run_without_a_finished_search_is_refused(finished, tmp_path):
    with pytest.raises(FolderError, match="holds no run"):
        record_policy(tmp_path / "nothing")
    made = recipe("macro-tiny", network__layers=3, network__filters=4, train__epochs=2)
    items = run(made, seed=0, device="cpu", folder=tmp_path / "stopped")
    next(items)
    items.close()
    with pytest.raises(FolderError, match="has not finished; resume it first"):
        record_policy(tmp_path / "stopped")


def test_a_run_of_other_code_is_refused(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    facts = json.loads((folder / "run.json").read_text())
    facts["made_by"]["controller"] = "__main__.Mine"
    (folder / "run.json").write_text(json.dumps(facts))

    with pytest.raises(FolderError, match="made by other code"):
        record_policy(folder)


def test_a_trace_of_another_end_is_refused(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    trace = load_trace(folder)
    (folder / "trace.jsonl.gz").unlink()
    save_trace(replace(trace, records=trace.records[:-1]), folder / "trace.jsonl.gz")

    with pytest.raises(FolderError, match="no checkpoint in .* is that of the end of its trace"):
        record_policy(folder)
