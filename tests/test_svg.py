"""Facts about the markup: valid, standing alone, readable."""

import re
from xml.etree import ElementTree

import pytest
from episodes import made_up_article_episode, made_up_episode

from enas_viz.spaces import MacroSpace
from enas_viz.spaces.operations import SLOTS, STANDARD, known_operations
from enas_viz.spaces.published import ARTICLE_MACRO, MACRO
from enas_viz.view.assets import palette, styles
from enas_viz.view.macro_svg import network_parts
from enas_viz.view.scene import MacroScene, scene_of
from enas_viz.view.shapes import icon, wrap
from enas_viz.view.svg import skeleton, still

SVG = "{http://www.w3.org/2000/svg}"


def parsed(episode, step=None, colour="op"):
    return ElementTree.fromstring(
        still(scene_of(episode, colour), episode.architecture, episode, step)
    )


def with_class(root, name):
    return [e for e in root.iter() if name in e.get("class", "").split()]


def test_a_still_of_the_articles_network_has_five_skips_in_three_source_colours():
    root = parsed(made_up_article_episode(), colour="layer")

    arcs = [a.get("class") for a in with_class(root, "arc")]
    faces = [f.get("class") for f in with_class(root, "face")]

    assert sorted(arcs) == [*["arc past tone at-1"] * 3, "arc past tone at-2", "arc past tone at-3"]
    assert faces == ["face at-1", "face at-2", "face at-3", "face at-4"]


def test_the_first_four_layer_colours_are_red_green_blue_and_purple():
    css = styles()
    tones = [
        re.search(rf"\.at-{k} {{ color: #(\w\w)(\w\w)(\w\w)", css).groups() for k in (1, 2, 3, 4)
    ]
    (r1, g1, b1), (r2, g2, b2), (r3, g3, b3), (r4, g4, b4) = [
        [int(part, 16) for part in tone] for tone in tones
    ]

    assert r1 > 2 * max(g1, b1)
    assert g2 > max(r2, b2)
    assert b3 > max(r3, g3)
    assert min(r4, b4) > g4


@pytest.mark.parametrize("step", [None, 0, 1, 5, 11])
@pytest.mark.parametrize("order", ["op-first", "skips-first"])
def test_a_still_is_valid_xml_that_stands_alone(order, step):
    episode = made_up_episode(7, order)
    text = still(scene_of(episode), episode.architecture, episode, step)

    root = ElementTree.fromstring(text)

    assert root[0].tag == f"{SVG}title"
    assert root[1].tag == f"{SVG}desc"
    assert "var(" not in text
    assert "light-dark" not in text
    assert not re.search(r'(href|src)="(?!#)', text)


def test_the_description_tells_the_network_or_the_step():
    episode = made_up_article_episode()

    assert "layer 4 convolution 5×5 with skips from layer 1, layer 3" in parsed(episode)[1].text
    assert parsed(episode, 3)[1].text.startswith("Step 4 of 7: which earlier layers feed layer 3?")


def test_nothing_moves_from_step_to_step():
    episode = made_up_episode(12)
    scene = scene_of(episode)

    def places(step):
        parts = "".join(network_parts(scene, episode.architecture, step))
        return [
            (e.tag, *(e.get(name) for name in ("x", "y", "cx", "cy", "width", "height")))
            for e in ElementTree.fromstring(f"<g>{parts}</g>").iter()
            if e.tag in ("rect", "text", "circle", "use")
        ]

    first = places(0)
    assert all(places(t) == first for t in range(1, len(scene.plan) + 1))


def test_the_skeleton_holds_every_candidate_and_decides_nothing():
    scene = MacroScene(MacroSpace(12))

    made = skeleton(scene)
    network, strip = (ElementTree.fromstring(made[name]) for name in ("network", "strip"))

    assert len(with_class(network, "arc")) == 66
    assert len(with_class(strip, "step")) == 24
    drawn = [*with_class(network, "layer"), *with_class(network, "arc"), *with_class(strip, "step")]
    assert all("future" in e.get("class") for e in drawn)
    assert not any(t.text for t in with_class(strip, "token"))


def test_at_a_skip_step_what_was_rejected_is_faint_and_later_gone():
    episode = made_up_episode(6, "skips-first", seed=4)
    step = next(
        t
        for t, s in enumerate(episode.steps)
        if s.decision.kind == "skip" and 0 < sum(s.picks) < len(s.picks)
    )
    picks = episode.steps[step].picks

    here, later = (
        [a for a in with_class(parsed(episode, t), "arc") if a.get("data-born") == str(step)]
        for t in (step, step + 1)
    )

    def tenses(arcs):
        return sorted(a.get("class").split()[1] for a in arcs)

    assert tenses(here) == sorted("now" if p else "rejected" for p in picks)
    assert tenses(later) == ["past"] * sum(picks)


def test_where_skips_are_the_input_a_still_shows_what_each_operation_reads():
    space = MacroSpace(4)
    architecture = space.architecture([0] * 4, [(0,), (1, 0), (1, 0, 1)])
    scene = MacroScene(space, "skips-first", merge="input")

    root = ElementTree.fromstring(f"<g>{''.join(network_parts(scene, architecture, 99))}</g>")
    arcs = {(int(a.get("data-born")), int(a.get("data-row"))) for a in with_class(root, "arc")}
    merges = [m.get("class").split()[1] for m in with_class(root, "merge")]

    # layer 2 reads the layer before, since it chose nothing; layer 3 only layer 1; layer 4 two
    assert arcs == {(1, 0), (3, 0), (5, 0), (5, 2)}
    assert merges == ["out", "out", "past"]
    told = still(scene, architecture)
    assert "layer 2 convolution 3×3 of layer 1, which nothing reads" in told
    assert "layer 4 convolution 3×3 of layer 1, layer 3" in told


def test_ids_differ_between_two_stills_of_one_page():
    ids = [set(re.findall(r'id="([^"]+)"', still(scene_of(x), x))) for x in (ARTICLE_MACRO, MACRO)]

    assert not ids[0] & ids[1]


def test_the_browser_and_the_still_read_one_palette():
    assert {*SLOTS, *STANDARD} <= {name.removeprefix("--enas-") for name in palette()}
    for op in STANDARD:
        assert f".enas-svg .op-{op}" in styles()


def test_every_operation_has_an_icon_of_its_own():
    ops = known_operations()

    assert len({icon(op) for op in ops}) == len(ops)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def blend(over, under, opacity):
    mixed = (
        round(opacity * int(over[i : i + 2], 16) + (1 - opacity) * int(under[i : i + 2], 16))
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{c:02x}" for c in mixed)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_a_contrast_of_at_least_four_and_a_half(theme):
    colours = {name.removeprefix("--enas-"): pair[theme] for name, pair in palette().items()}
    surface = colours["surface"]
    tints = [blend(colours[op], surface, 0.2) for op in STANDARD]
    tints += [blend(colours[f"layer{k}"], surface, 0.2) for k in (1, 4, 8)]

    for ground in (surface, colours["quiet"], colours["band"], colours["now-wash"], *tints):
        assert contrast(colours["ink"], ground) >= 4.5
    for text in ("muted", "now-text"):
        assert contrast(colours[text], surface) >= 4.5
    assert contrast(colours["now-text"], colours["now-wash"]) >= 4.5
    assert contrast(colours["now"], surface) >= 3  # graphics
    assert contrast(colours["surface"], colours["now"]) >= 3  # bold number of the present step


def test_only_now_is_vermillion():
    light = {name: pair[0] for name, pair in palette().items()}

    assert [name for name, colour in light.items() if colour == "#d55e00"] == ["--enas-now"]


def test_wrapped_lines_keep_all_words():
    text = "one two three four five six seven eight nine ten"

    lines = wrap(text, 90, 13)

    assert " ".join(lines) == text
    assert len(lines) > 2
