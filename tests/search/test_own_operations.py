"""An operation of one's own: measured, searched, replayed, derived, and finally trained."""

import subprocess
import sys

import pytest
import torch
from torch import nn

import enas_viz as ev
from enas_viz import search
from enas_viz.facts import cost
from enas_viz.recipes import Fidelity, change, recipe
from enas_viz.search.nets.own_operations import operation
from enas_viz.search.runs.run import restore
from enas_viz.spaces import MacroSpace
from enas_viz.spaces.operations import known_operations

PLAYED = """
import sys
import enas_viz as ev
from enas_viz.spaces.operations import known_operations
trace = ev.load_trace(sys.argv[1])
assert "se3x3" not in known_operations()
for widget in (ev.Replay(trace), ev.Replay(trace.best), ev.Dashboard(trace)):
    assert "squeeze and excite" in widget.html()
ev.SharedWeights(trace).html()
ev.plot(trace)
ev.draw(trace.best, level="network", recipe=trace.header.recipe["name"])
ev.save(trace, sys.argv[2], moments=2)
ev.save(trace, sys.argv[3], moments=2, size="16:9")
print("played")
"""


class Squeeze(nn.Module):
    """Weighs channels by what the whole map shows: squeeze and excitation over a 3x3 window."""

    def __init__(self, c, stride, fidelity):
        super().__init__()
        self.depthwise = nn.Conv2d(c, c, 3, stride, padding=1, groups=c, bias=False)
        self.norm = search.norm(c, fidelity)
        self.first, self.second = nn.Linear(c, c // 4), nn.Linear(c // 4, c)

    def forward(self, x):
        x = self.norm(self.depthwise(x))
        weights = self.second(self.first(x.mean((2, 3))).relu()).sigmoid()
        return x * weights[:, :, None, None]


@pytest.fixture
def squeeze():
    return operation("se3x3", Squeeze, window=3, words="squeeze and excite 3x3", short="se")


def test_its_cost_is_measured_on_the_module(squeeze):
    c, pixels = 40, 12 * 12
    module = Squeeze(c, 1, Fidelity())

    assert squeeze.parameters(c) == sum(p.numel() for p in module.parameters())
    assert squeeze.multiply_adds(c, pixels) == 9 * c * pixels + 2 * c * (c // 4)


@pytest.mark.parametrize("kind", ["macro", "micro"])
def test_it_is_searched_replayed_derived_and_finally_trained(squeeze, tmp_path, kind):
    ops = ("conv3x3", "se3x3") if kind == "macro" else ("se3x3", "max3x3")
    small = {"train__epochs": 1, "controller__updates": 1, "controller__samples": 2}
    size = {"network__layers": 3, "network__filters": 4, "data__train_images": 100}
    made = recipe(f"{kind}-tiny", network__ops=ops, **small, **size)
    folder = tmp_path / "run"

    records = list(search.run(made, seed=0, folder=folder))
    trace = ev.load_trace(folder)
    space = trace.header.space

    assert records
    assert space.ops == ops
    assert space.ops[ops.index("se3x3")] == squeeze
    names = [option["name"] for option in ev.Replay(trace).scene["options"]["ops"]]
    assert "squeeze and excite 3×3" in names
    files = [str(tmp_path / name) for name in ("a.gif", "b.gif")]
    command = [sys.executable, "-c", PLAYED, str(folder), *files]
    done = subprocess.run(command, capture_output=True, text=True)  # it never heard of se3x3
    assert done.stdout.strip() == "played", done.stderr
    again = restore(folder)
    best = search.derive(again, 4)[0].architecture
    final = change(recipe(f"{kind}-final-tiny"), train__epochs=1, **size, network__ops=ops)
    told = cost.child_cost(best, final, image_channels=1)
    child = search.make_child(final, best, 1, 10, seed=0)
    assert sum(p.numel() for p in child.parameters()) == told.parameters
    chosen = [op for op in _ops_of(best) if op == "se3x3"]
    assert sum(isinstance(m, Squeeze) for m in child.modules()) >= len(chosen)


def _ops_of(architecture):
    space = architecture.space
    if isinstance(space, MacroSpace):
        return space.op_names(architecture)
    return [space.ops[op] for cell in architecture.content for node in cell for op in node[2:]]


def test_a_final_network_really_contains_the_module(squeeze):
    space = MacroSpace(3, ops=("se3x3", "conv3x3"))
    made = space.architecture(["se3x3", "conv3x3", "se3x3"])

    child = search.MacroChild(made, 8)

    assert sum(isinstance(m, Squeeze) for m in child.modules()) == 2


def test_two_builds_with_one_seed_have_the_same_weights_and_leave_the_global_draws_alone(squeeze):
    made = MacroSpace(2, ops=("se3x3",)).architecture(["se3x3", "se3x3"])
    before = torch.random.get_rng_state()

    nets = [search.MacroChild(made, 8, seed=3) for _ in range(2)]

    assert torch.equal(before, torch.random.get_rng_state())
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b)
    first, second = (m.depthwise.weight for m in nets[0].modules() if isinstance(m, Squeeze))
    assert not torch.equal(first, second)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda c, s, f: nn.Conv2d(c, 2 * c, 1, s), r"makes \(2, 16, 9, 8\) of \(2, 8, 9, 8\)"),
        (lambda c, s, f: nn.Conv2d(c, c, 3, padding=1), "at stride 2; expected"),
        (lambda c, s, f: _Cubic(c, s), "no polynomial of degree two in its channels"),
    ],
)
def test_a_module_that_cannot_stand_in_a_network_is_refused(build, told):
    with pytest.raises(ValueError, match=told):
        operation("strange", build, words="strange")
    assert "strange" not in known_operations()


class _Cubic(nn.Module):
    def __init__(self, c, stride):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(c**3))
        self.pool = nn.AvgPool2d(1, stride, ceil_mode=True)

    def forward(self, x):
        return self.pool(x)


def test_what_is_no_module_or_has_a_known_family_is_refused():
    with pytest.raises(ValueError, match="is given dilation, icon, short, slot, window; got weig"):
        operation("strange", Squeeze, words="strange", weights=("1", "0", "0"))
    with pytest.raises(TypeError, match="build makes the module of an operation from"):
        operation("strange", None, words="strange")
    with pytest.raises(ValueError, match="operations of the family 'conv' have their modules"):
        operation("conv13x13", Squeeze, family="conv", words="a convolution")
