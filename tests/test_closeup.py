"""The close-up of a layer: what differs between the sources is what differs in the drawing."""

import re

import pytest

import enas_viz as ev
from enas_viz.spaces.published import ARTICLE_MACRO, MICRO
from enas_viz.view.closeup import CHAINS, layer_svg

SOURCES = sorted(CHAINS)


def order(svg: str) -> list[str]:
    """What the drawing holds, from left to right."""
    words = [(float(x), t) for x, t in re.findall(r'<text x="([\d.]+)"[^>]*>([^<]+)</text>', svg)]
    rings = [(float(x), "merge") for x in re.findall(r'class="ring" cx="([\d.]+)"', svg)]
    return [text for _, text in sorted(words + rings)]


def test_the_code_adds_after_the_operation():
    assert order(layer_svg(ARTICLE_MACRO, 4, "code"))[2:] == [
        "conv 5×5",
        "merge",
        "batch norm",
        "layer 4",
    ]


def test_the_article_concatenates_after_the_operation():
    assert order(layer_svg(ARTICLE_MACRO, 4, "article"))[2:] == [
        "conv 5×5",
        "merge",
        "1×1 conv",
        "layer 4",
    ]


def test_the_papers_operation_reads_the_concatenation():
    assert order(layer_svg(ARTICLE_MACRO, 4, "paper"))[2:] == [
        "merge",
        "1×1 conv",
        "conv 5×5",
        "layer 4",
    ]


@pytest.mark.parametrize("source", SOURCES)
def test_the_tensors_that_enter_are_those_of_the_architecture(source):
    assert set(order(layer_svg(ARTICLE_MACRO, 4, source))[:2]) == {"layer 1", "layer 3"}


def test_without_skips_the_layer_reads_the_one_before_it():
    lonely = ev.MacroSpace(3).decode([0, 1, 0, 2, 0, 0])

    for source in SOURCES:
        assert order(layer_svg(lonely, 3, source))[0] == "layer 2"


@pytest.mark.parametrize("bits", [[0, 0], [1, 0], [0, 1]])
def test_the_papers_operation_reads_one_tensor_as_it_is(bits):
    network = ev.MacroSpace(3).decode([0, 1, 0, 2, *bits])

    read = "layer 1" if bits == [1, 0] else "layer 2"
    assert order(layer_svg(network, 3, "paper")) == [read, "conv 5×5", "layer 3"]


def test_under_the_codes_wiring_a_skip_may_come_from_the_stem():
    space = ev.MacroSpace(3, wiring="code")

    assert "stem" in order(layer_svg(space.decode([0, 1, 0, 2, 1, 0]), 3, "code"))


@pytest.mark.parametrize("layer", [0, 1, 5, 2.0, True])
def test_a_layer_that_is_not_there_or_has_no_skips_is_refused(layer):
    with pytest.raises(ValueError, match="layer is from 2 to 4"):
        ev.draw_layer(ARTICLE_MACRO, layer)


def test_an_unknown_source_and_a_micro_architecture_are_refused():
    with pytest.raises(ValueError, match="'code', 'article', 'paper'"):
        ev.draw_layer(ARTICLE_MACRO, 4, "blog")
    with pytest.raises(ValueError, match="micro"):
        ev.draw_layer(MICRO, 4)
