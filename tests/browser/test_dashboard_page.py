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
