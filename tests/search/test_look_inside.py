"""Looking inside: what is kept equals a direct forward pass, as it is and after every change."""

import contextlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from module import run_module

from enas_viz.recipes import recipe
from enas_viz.records.inside import named, rewired
from enas_viz.search import look_inside
from enas_viz.search.runs.build import build
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace
from enas_viz.spaces.published import ARTICLE_MACRO

SIZES = {"train__epochs": 1, "data__resolution": 16, "controller__reward_images": 40}
MICRO = MicroSpace(2)
# node 3: avg3x3 of node 2, sep5x5 of node 1; node 4: node 3 itself, max3x3 of node 1
CELLS = Architecture(MICRO, (((1, 0, 2, 1), (2, 0, 4, 3)),) * 2)
LOOSE = Architecture(MICRO, (((1, 1, 0, 3), (0, 1, 4, 2)),) * 2)  # node 3 is read by none


def search_of(kind, **changes):
    """An untrained search, whose random weights serve as well."""
    sizes = {"network__layers": 4, "network__filters": 6}
    if kind == "micro":
        sizes = {"network__layers": 3, "network__filters": 4, "network__nodes": 2}
    return build(recipe(f"{kind}-tiny", **SIZES, **sizes, **changes), 3, "cpu", None)


@pytest.fixture(scope="module")
def concat():
    return look_inside(search_of("macro", fidelity__skip_merge_search="concat"), ARTICLE_MACRO)


@pytest.fixture(scope="module")
def add():
    return look_inside(search_of("macro"), ARTICLE_MACRO)


@pytest.fixture(scope="module")
def cells():
    return look_inside(search_of("micro"), CELLS, cell=3)


def images_of(look):
    """The minibatch that the recording names, and where the ten images stand in it."""
    data, about = look.search.data, look.inside.about
    batch = data.normalise(data.valid.images[about["minibatch"]])
    return batch, [about["minibatch"].index(k) for k in about["images"]]


@contextlib.contextmanager
def kept(modules):
    """What each module makes, copied at once, since the next one may work in place."""
    found, handles = {}, []
    for name, module in modules.items():

        def hook(_module, _given, made, name=name):
            found[name] = (made[1] if isinstance(made, tuple) else made).detach().clone()

        handles.append(module.register_forward_hook(hook))
    yield found
    for handle in handles:
        handle.remove()


def forward(look, architecture, modules):
    """(probabilities of the ten images, what the modules made of them), directly."""
    batch, ten = images_of(look)
    net = look.search.net.eval()
    with torch.no_grad(), kept(modules) as found:
        logits = net(batch, architecture)
    return logits.softmax(1)[ten].numpy(), {k: v[ten].numpy() for k, v in found.items()}


def values(inside, key, data):
    """A tensor's maps as numbers, (images, channels, side, side)."""
    t = inside.tensors[key]
    shape = (len(inside.labels), len(t.channels), t.side, t.side)
    low, high = (np.array(v)[:, None, None] for v in (t.low, t.high))
    maps = np.frombuffer(data, np.uint8).reshape(shape)
    return low + maps / inside.levels * (high - low)


def assert_shown(inside, key, data, made):
    """The maps are `made` to half a step, where it lies within the limits."""
    t = inside.tensors[key]
    low, high = (np.array(v)[:, None, None] for v in (t.low, t.high))
    wanted = np.clip(made[:, list(t.channels)], low, high)
    step = (high - low) / inside.levels
    assert t.of == made.shape[1]
    assert np.all(np.abs(values(inside, key, data) - wanted) <= 0.5 * step + 1e-5)


def layers_of(net, architecture):
    modules = {"t0": net.stem}
    for k, (op, *_) in enumerate(architecture.content):
        modules[f"o{k + 1}" if k else "t1"] = net.banks[k][op]
        if k:
            modules[f"t{k + 1}"] = net.merges[k - 1]
    return modules


# ---- the network as it is


@pytest.mark.parametrize("merge", ["concat", "add"])
def test_maps_and_verdict_are_those_of_a_direct_forward(merge, request):
    look = request.getfixturevalue(merge)

    probabilities, made = forward(look, ARTICLE_MACRO, layers_of(look.search.net, ARTICLE_MACRO))

    assert look.inside.base.probabilities == pytest.approx(probabilities, abs=2e-5)
    for key, maps in made.items():
        assert_shown(look.inside, key, look.inside.base.maps[key], maps)


def test_a_skip_is_shown_as_it_is_read_after_all_halvings(concat):
    net, inside = concat.search.net, concat.inside

    _, made = forward(concat, ARTICLE_MACRO, layers_of(net, ARTICLE_MACRO))

    assert named(1, 3, MacroSpace(4).pool_after()) == "t1/2"
    assert {"t1/1", "t1/2", "t2/1", "t3"} <= set(inside.drawn)
    batch, ten = images_of(concat)
    with torch.no_grad():
        first = net.banks[0][0](net.stem(batch))
        once = net.reductions["0"][1](first)
        twice = net.reductions["1"][1](once)
    assert_shown(inside, "t1/1", inside.base.maps["t1/1"], once[ten].numpy())
    assert_shown(inside, "t1/2", inside.base.maps["t1/2"], twice[ten].numpy())
    assert inside.tensors["t1/2"].side == made["t3"].shape[-1] == 4


def test_a_concatenation_stacks_as_many_channels_as_its_1x1_convolution_reads(concat):
    seen = []
    merge = concat.search.net.merges[2]  # of layer 4, which reads layers 1 and 3
    conv = F.conv2d

    def counted(x, weight, *rest):
        seen.append((x.shape[1], tuple(weight.shape)))
        return conv(x, weight, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("enas_viz.search.nets.ops.F.conv2d", counted)
        handle = merge.register_forward_pre_hook(lambda *_: seen.clear())
        after = merge.register_forward_hook(lambda *_: seen.append("end"))
        forward(concat, ARTICLE_MACRO, {})
        handle.remove()
        after.remove()

    stacked, kernel = seen[: seen.index("end")][0]
    parts = [concat.inside.tensors[key].of for key in ("t1/2", "t3", "o4")]
    assert stacked == sum(parts) == 18
    assert kernel[:2] == (concat.inside.tensors["t4"].of, 18)


def test_what_is_added_is_shown_at_the_channels_of_the_sum(add):
    inside, net = add.inside, add.search.net
    keys = ("o4", "s4-1", "s4-3")

    _, made = forward(add, ARTICLE_MACRO, {"before": net.merges[2].norm})
    summed = []
    handle = net.merges[2].norm.register_forward_pre_hook(lambda _, x: summed.append(x[0].clone()))
    forward(add, ARTICLE_MACRO, {})
    handle.remove()

    channels = inside.tensors["t4"].channels
    assert all(inside.tensors[key].channels == channels for key in keys)
    total = sum(values(inside, key, inside.base.maps[key]) for key in keys)
    _, ten = images_of(add)
    wanted = summed[0][ten][:, list(channels)].numpy()
    reach = sum(max(np.subtract(inside.tensors[k].high, inside.tensors[k].low)) for k in keys)
    assert np.abs(total - wanted).max() <= 0.5 * reach / 255 + 1e-5
    assert made["before"].shape[1] == inside.tensors["t4"].of


def test_the_channels_are_those_that_vary_most(concat):
    _, made = forward(concat, ARTICLE_MACRO, layers_of(concat.search.net, ARTICLE_MACRO))

    spread = made["t2"].transpose(1, 0, 2, 3).reshape(6, -1).var(1)
    assert set(concat.inside.tensors["t2"].channels) == set(np.argsort(-spread)[:4].tolist())


def test_of_each_class_the_closest_call_is_shown(concat):
    batch, _ = images_of(concat)
    about, labels = concat.inside.about, concat.search.data.valid.labels
    with torch.no_grad():
        rows = concat.search.net.eval()(batch, ARTICLE_MACRO).softmax(1)

    for label, image in enumerate(about["images"]):
        margins = {}
        for row, k in zip(rows, about["minibatch"], strict=True):
            if labels[k] == label:
                others = torch.cat([row[:label], row[label + 1 :]])
                margins[k] = float((row[label] - others.max()).abs())
        assert margins[image] == min(margins.values())


def test_the_ten_images_are_one_of_each_class_in_a_validation_minibatch(concat):
    inside, valid = concat.inside, concat.search.data.valid

    assert inside.labels == tuple(range(10))
    assert len(inside.about["minibatch"]) == 40
    assert valid.labels[inside.about["images"]].tolist() == list(range(10))
    pixels = valid.images[inside.about["images"]].numpy().tobytes()
    assert inside.pixels == pixels


# ---- changes


@pytest.mark.parametrize("merge", ["concat", "add"])
def test_the_verdict_after_each_change_is_that_of_the_network_so_wired(merge, request):
    look = request.getfixturevalue(merge)

    for change in look.inside.changes:
        architecture, cut = rewired(ARTICLE_MACRO, [change])
        modules = layers_of(look.search.net, architecture)
        probabilities, made = forward(look, architecture, modules)
        seen = look([change])

        assert not cut
        assert architecture != ARTICLE_MACRO
        assert seen.probabilities == pytest.approx(probabilities, abs=2e-5)
        for key, maps in made.items():
            data = seen.maps.get(key, look.inside.base.maps[key])
            assert_shown(look.inside, key, data, maps)


def test_several_changes_at_once_are_one_network(concat):
    changes = ["cut:3-1", "op:1:max3x3", "op:3:sep3x3"]
    wanted = MacroSpace(4).architecture(
        ["conv3x3", "max3x3", "max3x3", "sep3x3"], [(1,), (1, 1), (0, 0, 1)]
    )

    probabilities, _ = forward(concat, wanted, {})

    assert rewired(ARTICLE_MACRO, changes)[0] == wanted
    assert concat(changes).probabilities == pytest.approx(probabilities, abs=2e-5)


def test_a_recording_holds_every_single_change(concat):
    recorded = concat.recorded()

    assert set(recorded.variants) == set(concat.inside.changes)
    assert len(recorded.variants) == 5 + 4 * 5  # skips, and other operations
    assert "t1" not in recorded.variants["op:2:avg3x3"].maps  # nothing before it changes
    assert "t3" in recorded.variants["op:2:avg3x3"].maps


# ---- inside a cell


def test_a_cells_tensors_are_those_of_a_direct_forward(cells):
    net, inside = cells.search.net, cells.inside
    opened = net.cells[2]
    modules = {
        "out": opened,
        "x2.1": opened.bank[0][1]["sep5x5"][0],
        "n0": net.cells[1].reduce_last,  # a reduction cell hands on what it halved
        "n1": net.cells[1],
    }

    probabilities, made = forward(cells, CELLS, modules)

    assert inside.kind == "normal"
    assert inside.fitted == (False, False)
    assert inside.inputs == ("cell 1, halved", "cell 2")
    assert inside.base.probabilities == pytest.approx(probabilities, abs=2e-5)
    for key, maps in made.items():
        assert_shown(inside, key, inside.base.maps[key], maps)


@pytest.mark.parametrize(
    ("mode", "inputs", "given"),
    [
        ("fr_then_cell", ("cell 1", "cell 1, halved"), {"g0": 0}),
        ("fr_both", ("stem, halved", "cell 1, halved"), {}),
        ("stride2", ("stem", "cell 1"), {"g1": 0}),
    ],
)
def test_a_reduction_cells_inputs_are_told_as_its_search_makes_them(mode, inputs, given):
    search = search_of("micro", fidelity__micro_reduction_search=mode)
    look = look_inside(search, CELLS, cell=2)

    _, made = forward(look, CELLS, {key: search.net.cells[k] for key, k in given.items()})

    assert (look.inside.kind, look.inside.inputs) == ("reduction", inputs)
    for key, maps in made.items():
        if key in look.inside.tensors:
            assert_shown(look.inside, key, look.inside.base.maps[key], maps)
    assert look.inside.tensors["out"].side == 8
    assert look(["op:2.1:max3x3"]).maps


def test_a_node_is_the_sum_of_its_two_inputs(cells):
    inside = cells.inside

    for node in ("2", "3"):
        keys = (f"x{node}.0", f"x{node}.1")
        total = sum(values(inside, key, inside.base.maps[key]) for key in keys)
        found = values(inside, f"n{node}", inside.base.maps[f"n{node}"])
        steps = sum(
            max(np.subtract(inside.tensors[k].high, inside.tensors[k].low))
            for k in (*keys, f"n{node}")
        )
        assert np.abs(total - found).max() <= 0.5 * steps / 255 + 1e-5


def test_loose_ends_are_stacked_as_the_built_cell_stacks_them():
    look = look_inside(search_of("micro"), LOOSE, cell=3)
    given = []
    output = look.search.net.cells[2].output

    handle = output.register_forward_pre_hook(lambda _, x: given.append(x[0]))
    forward(look, LOOSE, {})
    handle.remove()

    assert tuple(given[0]) == look.inside.loose == (2, 3)
    assert sum(x.shape[1] for x in given[0].values()) == 2 * look.inside.tensors["out"].of


@contextlib.contextmanager
def silenced(net, node, side, name, source):
    """The weights of one place of all normal cells, so that what they make is zero."""
    norms = [c.bank[node - 2][side][name][source].stack[-1][-1] for c in net.cells if not c.cell]
    kept = [(m.weight.clone(), m.bias.clone()) for m in norms]
    with torch.no_grad():
        for m in norms:
            m.weight.zero_()
            m.bias.zero_()
        yield
        for m, (weight, bias) in zip(norms, kept, strict=True):
            m.weight.copy_(weight)
            m.bias.copy_(bias)


@pytest.mark.parametrize(("node", "side", "source"), [(2, 0, 1), (2, 1, 0), (3, 0, 2), (3, 1, 0)])
def test_a_cut_input_adds_nothing_in_any_cell_of_its_kind(cells, node, side, source):
    """Whatever the operation: the same as a separable one there, whose result is zero."""
    instead = f"op:{node}.{side}:sep3x3"
    architecture, _ = rewired(CELLS, [instead], "normal")

    seen = cells([f"cut:{node}.{side}"])

    with silenced(cells.search.net, node, side, "sep3x3", source):
        probabilities, made = forward(cells, architecture, {"out": cells.search.net.cells[2]})
    assert seen.probabilities == pytest.approx(probabilities, abs=2e-5)
    assert_shown(cells.inside, "out", seen.maps["out"], made["out"])
    assert f"x{node}.{side}" not in seen.maps


def test_another_operation_of_a_cell_is_another_architecture(cells):
    for change in (c for c in cells.inside.changes if c.startswith("op:")):
        architecture, _ = rewired(CELLS, [change], "normal")
        probabilities, _ = forward(cells, architecture, {})

        assert cells([change]).probabilities == pytest.approx(probabilities, abs=2e-5)
        assert architecture.content[1] == CELLS.content[1]  # the reduction cell stays


# ---- the window


def test_the_browser_slides_the_window_to_what_the_operation_makes(concat, tmp_path):
    """Depthwise filters and pools give the module's own result, a filter of many maps its share."""
    look, inside = concat, concat.inside
    changed = look(["op:3:avg3x3"])  # layer 4
    windows = {**inside.base.windows, "avg": changed.windows["4"]}
    given = [
        {**w.__dict__, "weights": list(w.weights), "pixels": list(w.pixels), "image": 4}
        for w in windows.values()
    ]
    net = look.search.net
    batch, ten = images_of(look)

    found = run_module("given.map((w) => [...m.slide(w, w.pixels, w.image)])", given, tmp_path,
                       "child.js")  # fmt: skip

    assert [w.kind for w in windows.values()] == ["conv", "sep", "max", "conv", "avg"]
    inner = {"2": net.banks[1][3][3], "3": net.banks[2][5][3]}
    _, made = forward(look, ARTICLE_MACRO, inner)
    for (place, w), values_ in zip(windows.items(), found, strict=True):
        source = np.frombuffer(w.pixels, np.uint8).reshape(len(ten), w.side, w.side)[4]
        source = torch.tensor(w.low + source / 255 * (w.high - w.low))[None, None]
        weights = (
            torch.tensor(w.weights, dtype=torch.float64).reshape(1, 1, w.size, w.size)
            if (w.weights)
            else None
        )
        if w.kind == "max":
            wanted = F.max_pool2d(source, 3, 1, 1)
        elif w.kind == "avg":
            wanted = F.avg_pool2d(source, 3, 1, 1, count_include_pad=False)
        else:
            wanted = F.conv2d(source, weights, padding=w.size // 2)
        assert values_ == pytest.approx(wanted.flatten().numpy(), abs=1e-5), place
        if place in inner:
            direct = made[place][4, w.channel]
            near = 0.5 / 255 * (w.high - w.low) * max(1.0, sum(map(abs, w.weights)))
            assert values_ == pytest.approx(direct.flatten(), abs=near + 1e-5)
    assert batch.shape[0] == 40


def test_the_filter_shown_is_the_one_that_counts_most(concat):
    w = concat.inside.base.windows["1"]
    branch = concat.search.net.banks[0][0]
    kernel = branch[3].weight.detach()[w.output]
    read = []

    handle = branch[3].register_forward_pre_hook(lambda _, x: read.append(x[0].clone()))
    forward(concat, ARTICLE_MACRO, {})
    handle.remove()

    spread = torch.stack([read[0][:, c].std() for c in range(6)])
    assert w.channel == int((kernel.abs().sum((1, 2)) * spread).argmax())
    assert w.weights == pytest.approx(kernel[w.channel].flatten().tolist(), rel=1e-5)
    assert w.output == concat.inside.tensors["t1"].channels[0]


# ---- what it leaves alone, and what it refuses


@pytest.mark.parametrize("bn", ["moving", "refit"])
def test_looking_changes_nothing_and_follows_the_rewards_batch_norm(bn):
    search = search_of("macro", fidelity__reward_bn=bn)
    before = {k: v.clone() for k, v in search.net.state_dict().items()}
    mode = search.net.training

    look = look_inside(search, ARTICLE_MACRO)
    look(["cut:1-1"])

    after = search.net.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())
    assert search.net.training is mode
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in search.net.modules())
    assert look.inside.about["batch_norm"] == bn
    assert look.inside.about["minibatch"] is None  # a verdict does not depend on it


def test_a_cell_is_left_as_it_was(cells):
    cells(["cut:2.0"])

    assert not any("_run" in vars(cell) for cell in cells.search.net.cells)


def test_without_an_architecture_one_of_the_policy_is_opened():
    look = look_inside(search_of("macro"))

    assert look.architecture.space == MacroSpace(4)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"architecture": MacroSpace(3).decode([0] * 6)}, "got an architecture of"),
        ({"cell": 1}, "a macro network has no cells"),
        ({"levels": 0}, "levels must be from 1 to 255"),
    ],
)
def test_what_is_not_there_is_refused(options, says):
    with pytest.raises(ValueError, match=says):
        look_inside(search_of("macro"), **{"architecture": ARTICLE_MACRO, **options})


def test_a_strided_reduction_cell_that_joins_an_input_is_refused():
    search = search_of("micro", fidelity__micro_reduction_search="stride2")
    unread = Architecture(MICRO, (((1, 1, 0, 3), (1, 2, 4, 2)),) * 2)  # node 1 is read by none

    with pytest.raises(ValueError, match="open a normal cell .cell=3."):
        look_inside(search, unread, cell=2)
    assert look_inside(search, unread, cell=3).inside.loose == (0, 3)


def test_other_refusals():
    with pytest.raises(ValueError, match="cell must be from 1 to 5"):
        look_inside(search_of("micro"), CELLS, cell=6)
    with pytest.raises(ValueError, match="skip_merge_search is 'input'"):
        look_inside(search_of("macro", fidelity__skip_merge_search="input"), ARTICLE_MACRO)
    with pytest.raises(TypeError, match="expected a search"):
        look_inside("run")
