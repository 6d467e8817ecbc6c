"""The supernet's picture: as strong as it was trained, one network lit, the numbers in words."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from episodes import made_up_micro_trace, made_up_trace, with_counts

from enas_viz.records.trace import Epoch
from enas_viz.records.training_counts import inheritance, paths, size, total
from enas_viz.spaces import MacroSpace, MicroSpace
from enas_viz.view.macro_sharing import THREAD
from enas_viz.view.micro_sharing import SPOT
from enas_viz.view.sharing import MOST, WORDS, Sharing, bare, picture, size_in_words
from enas_viz.view.sharing_svg import State, grown, short_count

MACRO = with_counts(made_up_trace(5, epochs=4, per_epoch=10))
MICRO = with_counts(made_up_micro_trace(3, epochs=4, per_epoch=10))
INPUT = {  # where skips are the input
    wiring: with_counts(
        made_up_trace(5, epochs=4, per_epoch=10, merge="input", order="skips-first", wiring=wiring)
    )
    for wiring in ("layer", "code")
}
BOTH = pytest.mark.parametrize(
    "trace", [MACRO, MICRO, *INPUT.values()], ids=["macro", "micro", *INPUT]
)


def shapes(sharing: Sharing, at: int) -> dict[int, ET.Element]:
    """The shapes of a still by their path."""
    architecture, who = sharing.shown(at)
    root = ET.fromstring(sharing.still(at, architecture, who))
    found = {}
    for element in root.iter():
        if "data-path" in element.attrib:
            assert int(element.get("data-path")) not in found
            found[int(element.get("data-path"))] = element
    return found


@BOTH
def test_a_moment_adds_up_what_its_epochs_trained(trace):
    sharing = Sharing(trace)

    epochs = inheritance(trace)
    assert [m.epoch for m in sharing.moments] == [0, 1, 2, 3, 4]
    assert [m.now for m in sharing.moments] == [0, 8, 16, 24, 32]
    for k, moment in enumerate(sharing.moments):
        assert moment.counts == (total(epochs[:k], trace.space) or (0,) * size(trace.space))
    assert [m.samples for m in sharing.moments] == [0, 10, 20, 30, 40]
    assert sharing.last.best == trace.best
    assert sharing.exact


@BOTH
def test_every_path_is_drawn_once_and_those_of_the_lit_network_are_lit(trace):
    sharing = Sharing(trace)
    drawn = shapes(sharing, 4)

    assert sorted(drawn) == list(range(size(trace.space)))
    lit = {path for path, element in drawn.items() if "lit" in element.get("class").split()}
    assert lit == set(paths(trace.best.architecture, sharing.merge))


def test_a_thread_is_as_thick_as_its_share_of_the_minibatches():
    sharing = Sharing(MACRO)
    drawn, counts = shapes(sharing, 4), sharing.last.counts

    for path in range(5 * 6):
        thread, _box, text = list(drawn[path])
        assert float(thread.get("stroke-width")) == pytest.approx(
            max(1, THREAD * counts[path] / 32), abs=0.01
        )
        assert text.text == f"{counts[path]:g}"
        assert ("never" in drawn[path].get("class")) == (counts[path] == 0)


def test_a_spots_area_is_as_large_as_its_count():
    sharing = Sharing(MICRO)
    drawn, counts = shapes(sharing, 4), sharing.last.counts

    for path, spot in drawn.items():
        area = (float(spot.get("r")) / SPOT) ** 2
        assert area == pytest.approx(counts[path] / max(counts), abs=0.01)
        assert ("bare" in spot.get("class")) == (path in sharing.bare)


def test_early_moments_can_be_seen_and_the_end_is_in_proportion():
    assert grown(0, 0, 100) == 0
    assert grown(1, 1, 100) == pytest.approx(0.1)
    assert grown(25, 100, 100) == 0.25
    assert [short_count(n) for n in (0, 7.5, 999, 1000, 9949, 12_345)] == [
        "0", "8", "999", "1k", "9.9k", "12k",
    ]  # fmt: skip


def test_pooling_and_identity_have_no_weights_in_cells_but_at_stride_2():
    space = MicroSpace(2)
    ops = [path % 5 for path in bare(space)]

    assert len(ops) == size(space) * 3 // 5
    assert set(ops) == {2, 3, 4}
    halved = bare(space) - bare(space, stride2=True)
    assert len(halved) == 2 * 2 * 2  # of the reduction cell: nodes, sides, inputs
    assert not bare(MacroSpace(3))


@pytest.mark.parametrize("space", [MacroSpace(12), MacroSpace(24), MicroSpace(5), MicroSpace(7)])
@pytest.mark.parametrize("merge", ["add", "input"])
def test_nothing_of_a_picture_lies_outside_it(space, merge):
    parts, width, height = picture(space, State(9, 9, [3] * size(space), {0, 1}, 3), merge=merge)
    root = ET.fromstring(f"<svg>{''.join(parts).replace('&', '&amp;')}</svg>")

    for element in root.iter():
        if element.tag == "text" and element.get("class") != "enas-glyph":
            assert 0 <= float(element.get("x")) <= width
            assert 0 <= float(element.get("y")) <= height
        if element.tag == "circle":
            assert 0 <= float(element.get("cx")) <= width - SPOT


@BOTH
def test_nothing_moves_between_two_moments(trace):
    sharing = Sharing(trace)

    def places(at):
        return {p: [e.get(k) for k in ("d", "cx", "cy")] for p, e in shapes(sharing, at).items()}

    assert places(1) == places(3)


def test_what_is_said_are_the_numbers():
    sharing = Sharing(MACRO)
    architecture, who = sharing.shown(2)
    inherited = sharing.inherited(2, architecture)

    head, (told, price) = sharing.headline(2), sharing.sentences(2, architecture, who)

    assert head.startswith("After epoch 2 of 4: 16 minibatches, each on a network sampled")
    assert re.search(r"At most (\d+) different ones, of the 7,962,624 that there are", head)
    mean = sum(inherited.values()) / 5
    assert f"trained by {int(mean + 0.5)} minibatches each on average" in told
    least = min(inherited, key=inherited.get)
    assert told.endswith(f"the least of them by {inherited[least]:g}: {least}.")
    assert price.startswith("To train each of the 20 networks sampled so far as often on its own")
    assert f"{int(20 * mean + 0.5)} minibatches, not 16." in price
    assert sharing.headline(0) == WORDS["fresh"]


def test_where_skips_are_the_input_only_layers_that_are_read_are_told():
    sharing = Sharing(INPUT["layer"])
    unread = sharing.space.architecture([0] * 5, [(0,), (1, 0), (1, 0, 1), (0, 0, 1, 0)])

    assert [name[-7:] for name in sharing.inherited(4, unread)] == ["layer 1", "layer 3", "layer 5"]
    (told, _) = sharing.sentences(4, unread, "a network")
    assert "Its 3 operations" in told
    assert WORDS["input"] in sharing.picture()["signs"]
    assert sharing.last.now == 32


def test_of_a_cell_only_operations_with_weights_are_told():
    sharing = Sharing(MICRO)
    architecture, _ = sharing.shown(4)

    names = list(sharing.inherited(4, architecture))

    assert names
    assert all(name.startswith("sep") for name in names)
    pools = replace(architecture, content=((((0, 1, 2, 4),) * 3),) * 2)
    assert sharing.sentences(4, pools, "it") == ["Lit: it. None of its operations has weights."]


def test_an_estimate_says_so_and_an_exact_count_does_not():
    older = replace(
        MACRO,
        records=tuple(replace(r, extra={}) if isinstance(r, Epoch) else r for r in MACRO.records),
    )

    assert Sharing(MACRO).note == ""
    note = Sharing(older).note
    assert note.startswith("An estimate: this trace did not record what was trained.")
    assert "8 minibatches" in note
    assert "An estimate: this trace did not" in Sharing(older).still(4, *Sharing(older).shown(4))
    assert "about " in " ".join(Sharing(older).sentences(4, *Sharing(older).shown(4)))


def test_a_trace_of_which_some_epochs_recorded_their_counts_says_that():
    first = next(r for r in MACRO.records if isinstance(r, Epoch))
    records = tuple(replace(r, extra={}) if r is first else r for r in MACRO.records)

    sharing = Sharing(replace(MACRO, records=records))

    assert sharing.note == WORDS["partly"]
    assert not sharing.exact


def test_the_released_slip_is_told_in_the_picture():
    header = replace(MACRO.header, fidelity={"macro_dispatch": "last_branch"})

    assert "the last operation runs and is trained" in Sharing(replace(MACRO, header=header)).note


def test_a_long_search_has_a_hundred_or_so_moments_and_loses_no_count():
    trace = with_counts(made_up_trace(3, epochs=300, per_epoch=1), minibatches=2)
    sharing = Sharing(trace)

    assert len(sharing.moments) <= MOST + 2
    assert sharing.last.epoch == 300
    assert sum(sharing.last.counts[:6]) == 600
    assert sharing.index(299) == len(sharing.moments) - 2


@BOTH
def test_digits_are_an_architecture(trace):
    sharing = Sharing(trace)

    for episode in trace.episodes[:9]:
        assert sharing.architecture(sharing.digits(episode.architecture)) == episode.architecture


def test_large_numbers_are_told_by_their_power_of_ten():
    assert size_in_words(MacroSpace(12).size) == "1.6 × 10²⁹"
    assert size_in_words(1_528_823_808) == "1,528,823,808"


def test_a_network_of_which_nothing_was_trained_is_told_to_have_fresh_weights():
    sharing = Sharing(MACRO)
    architecture, who = sharing.shown(0)

    (told,) = sharing.sentences(0, architecture, who)

    assert who.startswith("a sample of epoch")  # since there is no best one yet
    assert told.endswith("None of its operations was trained: their weights are new.")
