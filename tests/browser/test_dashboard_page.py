"""A dashboard as a page, in a real browser: what runs side by side have in common."""

from dataclasses import replace

from episodes import made_up_trace

import enas_viz as ev
from enas_viz.trace import Episode, Trace

TICKS = """section => [...section.querySelectorAll('.axes text.end')].map(t => t.textContent)"""


def test_two_runs_are_drawn_to_the_same_scales(new_page, tmp_path):
    good = made_up_trace(4, epochs=3, per_epoch=4)
    worse = (replace(r, accuracy=0.1) if isinstance(r, Episode) else r for r in good.records)
    poor = Trace(good.header, tuple(worse))
    found = {}
    for name, runs in (("both", {"good": good, "poor": poor}), ("alone", poor)):
        ev.save(ev.Dashboard(runs), tmp_path / f"{name}.html")
        page = new_page()
        page.goto((tmp_path / f"{name}.html").as_uri())
        page.wait_for_selector(".enas-dashboard .run .axes text")
        found[name] = [section.evaluate(TICKS) for section in page.locator(".run").all()]

    first, second = found["both"]
    assert first == second
    assert found["alone"] != [second]


def test_runs_can_be_drawn_on_the_same_axes_and_told_apart(new_page, tmp_path):
    runs = {"good": made_up_trace(4, 3, 4), "other": made_up_trace(4, 5, 4)}
    ev.save(ev.Dashboard(runs), tmp_path / "two.html")
    page = new_page()
    page.goto((tmp_path / "two.html").as_uri())
    page.wait_for_selector(".enas-dashboard .run .axes text")
    assert page.locator(".overlay").is_hidden()

    page.get_by_role("button", name="overlay curves").click()

    look = """path => [getComputedStyle(path).stroke, getComputedStyle(path).strokeDasharray]"""
    lines = page.locator(".overlay .board [data-line$='-reward']").all()
    looks = [line.evaluate(look) for line in lines]
    assert len(looks) == 2
    assert looks[0][0] != looks[1][0]
    assert looks[0][1] != looks[1][1]
    assert all(line.get_attribute("d").startswith("M") for line in lines)
    assert page.locator(".overlay tbody th").all_text_contents() == ["good", "other"]
    assert page.locator(".run .curves").first.is_hidden()
    page.evaluate("enasModel.set('at', 1)")
    best = max(e.accuracy for e in runs["good"].episodes if e.epoch == 0)
    assert page.locator(".overlay tbody td").first.text_content() == f"{100 * best:.1f} %"

    page.get_by_role("button", name="overlay curves").click()
    assert page.locator(".run .curves").first.is_visible()
