"""A dashboard as a page, in a real browser: what runs side by side have in common."""

from dataclasses import replace

import pytest
from episodes import made_up_trace

import enas_viz as ev
from enas_viz.records.trace import Episode, Trace

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


# ---- buttons of a run that goes on


TELL = """changes => {
  const model = window.enasModel;
  model.set("state", [{ ...model.get("state")[0], ...changes }]);
}"""


@pytest.fixture
def going(new_page, tmp_path):
    """The page of a run that goes on; what its buttons ask for is in `window.asked`."""
    ev.save(ev.Dashboard(made_up_trace(4, epochs=2, per_epoch=5)), tmp_path / "run.html")
    page = new_page()
    page.goto((tmp_path / "run.html").as_uri())
    page.wait_for_selector(".enas-dashboard .run")
    page.evaluate(
        "() => { window.asked = []; window.enasModel.send = m => window.asked.push(m.action); }"
    )
    page.evaluate(TELL, {"status": "running", "left": 90})
    return page


@pytest.mark.parametrize(("name", "action"), [("Pause", "pause"), ("Stop", "stop")])
def test_a_press_is_heard_although_news_come_while_the_button_is_held(going, name, action):
    box = going.get_by_role("button", name=f"{name} the run").bounding_box()

    for left in range(3):
        going.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        going.mouse.down()
        going.evaluate(TELL, {"left": left})
        going.mouse.up()

    assert going.evaluate("() => window.asked") == [action] * 3


def test_the_button_asks_to_go_on_once_the_run_is_paused(going):
    going.evaluate(TELL, {"status": "paused"})
    going.get_by_role("button", name="Go on with the run").click()
    going.evaluate(TELL, {"status": "running"})
    going.get_by_role("button", name="Pause the run").click()

    assert going.evaluate("() => window.asked") == ["resume", "pause"]


def test_how_a_run_stands_is_told_with_the_samples_that_came_with_it(going):
    """At once: the curves are drawn with the next frame, which may be long in coming."""
    told = going.evaluate(
        """() => {
          const model = window.enasModel, [news] = model.get("news"), [state] = model.get("state");
          model.set("news", [{ ...news, samples: 1234 }]);
          model.set("state", [{ ...state, status: "paused" }]);
          return document.querySelector(".status").textContent;
        }"""
    )

    assert told.startswith("paused")
    assert "1,234 samples" in told
