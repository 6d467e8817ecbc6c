"""Everything that belongs together is on one screen, readable, and stays where it is."""

from pathlib import Path

import pytest
from episodes import made_up_episode
from lab_server import ran, write_notebook
from soak import in_soak

import enas_viz as ev
from enas_viz.spaces import Architecture, MacroSpace

WIDE = [(1280, 720), (1366, 768), (1400, 1000)]
SIZES = [*WIDE, (1034, 768), (800, 1000), (390, 844)]
LEAST = 11  # pixels of a letter
HIGH = 600  # of a replay that is at least 1000 pixels wide

SUBJECTS = {
    "macro film": "ev.Replay(ev.load_trace('macro-cifar10-cpu'))",
    "micro film": "ev.Replay(ev.load_trace('micro-cifar10-cpu'))",
    "macro of 6 layers": "ev.Replay(ev.load_trace('macro-cifar10-cpu').best)",
    "macro of 12 layers": "ev.Replay(made_up_episode(12))",
    "every skip of 12 layers": "ev.Replay(every_skip(12))",
    "micro": "ev.Replay(ev.load_trace('micro-cifar10-cpu').best)",
    "macro with a policy": "with_policy('macro-tiny')",
    "micro with a policy": "with_policy('micro-cifar10-cpu')",
    "macro with a policy and guesses": "with_policy('macro-tiny', guess=True)",
    "micro with a policy and guesses": "with_policy('micro-cifar10-cpu', guess=True)",
    "article-macro": "ev.Replay(ev.load_trace('article-macro'), colour='layer')",
    "article-micro": "ev.Replay(ev.load_trace('article-micro'), colour='node')",
}

# What a replay looks like at all of its steps: sizes in pixels. moved: of what must not move, how
# far anything did; letters: the smallest; together: from the strip's top to the end of bars and
# question, whichever is lower.
LOOKED = """root => {
  const one = name => root.querySelector(name);
  const box = e => {
    const { left, top, right, bottom } = e.getBoundingClientRect();
    return [left, top, right, bottom];
  };
  const within = (inner, outer) => inner[0] >= outer[0] - 1 && inner[2] <= outer[2] + 1
    && inner[1] >= outer[1] - 1 && inner[3] <= outer[3] + 1;
  const slider = one('input[aria-label^=Step]'), told = one('.told');

  const still = '.steps, .steps > *, .strip, .dots, .heading, .network, .bars, .told, ' +
    '.film, .search > *, .seat, .again, .tally-key, .quiz, .quiz > .word, .score';
  const height = e => [box(e)[1], box(e)[3]]; // what scrolls may move sideways
  const places = () => [...[root, ...root.querySelectorAll(still)].flatMap(box),
    ...height(one('.network > svg'))];
  const seen = e => e.textContent.trim() && e.getBoundingClientRect().width
    && getComputedStyle(e).visibility === 'visible' && !e.matches('.unseen');
  const letters = e => parseFloat(getComputedStyle(e).fontSize)
    * (e.getScreenCTM ? e.getScreenCTM().d : 1);
  const smallest = () => Math.min(...[...root.querySelectorAll(
    'text, p, span, li, button, output, option')].filter(seen).map(letters));
  const inView = [['.strip .step.now .cell', '.strip'],
    ['.network .about :is(.slot, .fixed)', '.network']];

  const glyph = one('.network .enas-glyph'), drawing = one('.network > svg');
  const scale = drawing.clientWidth / drawing.viewBox.baseVal.width; // of what a use element shows
  const found = {
    width: root.offsetWidth, height: root.offsetHeight, moved: 0, over: [], hidden: [],
    letters: parseFloat(getComputedStyle(glyph).fontSize) * scale,
    sideways: document.documentElement.scrollWidth - innerWidth,
  };
  const first = [];
  for (let step = 0; step <= Number(slider.max); step++) {
    slider.value = step;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    const now = places();
    if (!step) first.push(...now);
    found.moved = Math.max(found.moved, ...now.map((x, i) => Math.abs(x - first[i])));
    if (step % 5 === 0) found.letters = Math.min(found.letters, smallest());
    const words = [one('.question'), one('.answer')].map(box);
    if (!words.every(each => within(each, box(told)))) found.over.push(step);
    for (const [what, where] of inView)
      if (!one(what) || !within(box(one(what)), box(one(where)))) found.hidden.push([step, where]);
  }
  const last = root.matches('.enas-narrow') ? one('.bars') : told;
  found.together = box(last)[3] - box(one('.strip'))[1];
  found.top = box(one('.strip'))[1] - box(root)[1];
  return found;
}"""


def every_skip(layers):
    """The network of which the controller says most."""
    return Architecture(MacroSpace(layers), [[1, *[1] * k] for k in range(layers)])


def with_policy(name, guess=False):
    """A replay that shows counts of a hundred samples."""
    replay = ev.Replay(ev.load_trace(name).best, ev.load_policy(name), guess=guess)
    replay.count_samples()
    return replay


KNOWN = {
    "ev": ev,
    "made_up_episode": made_up_episode,
    "every_skip": every_skip,
    "with_policy": with_policy,
}


def check(found, room):
    """room: what of the page one sees at once, in pixels of height."""
    assert found["moved"] == 0
    assert found["letters"] >= LEAST - 0.01
    assert found["over"] == []
    assert found["hidden"] == []
    assert found["sideways"] <= 0
    if found["width"] >= 1000:
        assert found["height"] <= HIGH
    assert found["together"] <= room


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_page_shows_strip_network_and_bars_together(new_page, tmp_path, subject):
    path = ev.save(eval(SUBJECTS[subject], KNOWN), tmp_path / "x.html")
    page = new_page(*SIZES[0], reduced_motion="reduce", offline=True)
    page.goto(path.as_uri())

    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        root = page.locator(".enas-replay")
        found = root.evaluate(LOOKED)
        check(found, height)
        # without scrolling, that is: from the top of the page on
        assert root.bounding_box()["y"] + found["top"] + found["together"] <= height


CELLS = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    f"sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
    "import enas_viz as ev\n"
    "from episodes import made_up_episode\n"
    "from test_fits import every_skip, with_policy",
    *SUBJECTS.values(),
)


@pytest.fixture(scope="module")
def notebook(lab):
    """Opened once, at the first size, since opening takes far longer than what is looked at."""
    path = write_notebook(lab.new_folder("fits") / "fits.ipynb", CELLS)
    width, height = WIDE[0]
    how = {"width": width, "height": height, "motion": "reduce"}
    with ran(lab, path, replays=len(SUBJECTS), **how) as page:
        yield page


@pytest.mark.parametrize(("width", "height"), [*WIDE[:2], *in_soak(*WIDE[2:])])
def test_a_notebook_shows_strip_network_and_bars_together(notebook, width, height):
    page, outer = notebook, ".jp-WindowedPanel-outer:visible"
    page.set_viewport_size({"width": width, "height": height})
    # JupyterLab lays out its panels a moment after its window has another size
    page.wait_for_function("() => document.querySelector('#main').offsetWidth === innerWidth")

    room = page.locator(outer).first.evaluate("e => e.clientHeight")
    assert 0.75 * height < room < height
    for k in range(len(SUBJECTS)):
        root = page.locator(".jp-OutputArea-output .enas-replay").nth(k)
        root.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        found = root.evaluate(LOOKED)
        print(f"{width}×{height}: output {found['width']}, {found['height']} high, room {room}")
        check(found, room)


EDITORS = {
    "macro": "ev.Editor(ev.MacroSpace(6))",
    "every skip": "ev.Editor(every_skip(6))",
    "micro": "ev.Editor('enas-micro')",
}
SHOWS = """root => {
  const rect = e => e.getBoundingClientRect();
  const parts = ['.strip', '.network', '.told', '.facts-list', '.flat', '.controls.steps']
    .map(name => rect(root.querySelector(name)));
  const facts = rect(root.querySelector('.facts-list')), told = rect(root.querySelector('.told'));
  return {
    width: root.offsetWidth, height: root.offsetHeight,
    beside: facts.left >= told.right && Math.abs(facts.top - told.top) < 4,
    within: parts.every(part => part.bottom <= rect(root).bottom && part.right <= rect(root).right),
  };
}"""


@pytest.mark.parametrize("editor", EDITORS)
def test_an_editor_shows_network_question_and_facts_together(new_page, tmp_path, editor):
    path = tmp_path / "x.html"
    path.write_text(eval(EDITORS[editor], KNOWN).html(), encoding="utf-8")
    page = new_page(*SIZES[0], reduced_motion="reduce", offline=True)
    page.goto(path.as_uri())

    # the last one is as narrow as a JupyterLab with its file browser leaves it
    for width, height in (*WIDE, (1034, 768), (864, 720)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        found = page.locator(".enas-editor").evaluate(SHOWS)
        assert found["height"] <= HIGH
        assert found["beside"]
        assert found["within"]
