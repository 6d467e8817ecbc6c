"""Exercises in a real JupyterLab: "Run all" judges nothing, clicks are heard, the kernel checks."""

import pytest
from lab_server import RUN, outputs, write_notebook
from playwright.sync_api import expect

from enas_viz.course.exercises import SOLUTIONS
from enas_viz.course.questions import choices

NAME = "standard-error"
RIGHT = next(k for k, one in enumerate(choices(NAME)) if one.verdict.right)
CELLS = [
    f'import enas_viz as ev\nclicked = ev.Exercise("{NAME}")\nclicked',
    'ev.Exercise("macro-list")',
    "editor = ev.Editor(ev.MacroSpace(6))",
    'ev.Exercise("design-short", editor)',
    'ev.Guess("Will it rise?", ["yes", "no"])',
]


@pytest.fixture(scope="module")
def page(lab):
    path = write_notebook(lab.new_folder("exercises") / "exercises.ipynb", CELLS)
    with lab.opened(path) as shown:
        shown.evaluate(RUN)
        expect(shown.locator(".enas-exercise")).to_have_count(4)
        yield shown


def test_run_all_calls_nothing_wrong(page):
    told = " ".join(page.locator(".enas-exercise .said").all_inner_texts())

    assert told.split("○ Not answered yet.") == ["", " ", " ", " "]
    assert [o for o in outputs(page) if o["output_type"] == "error"] == []


def test_letters_pressed_on_a_choice_are_no_commands_of_the_lab(page):
    page.get_by_role("radio").first.focus()
    for key in "ddb":
        page.keyboard.press(key)

    page.wait_for_timeout(500)
    sources = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(
      w => w.model.sharedModel.source)"""
    assert page.evaluate(sources) == CELLS


def test_python_knows_what_was_clicked(page):
    page.locator(".of-choice").get_by_role("radio").nth(RIGHT).click()
    expect(page.locator(".of-choice .said")).to_contain_text("✓")
    page.evaluate("""() => {
      const { sessionContext } = window.jupyterapp.shell.currentWidget;
      const code = "print(clicked.solved, clicked.tries, clicked.tried)";
      const asked = sessionContext.session.kernel.requestExecute({ code });
      asked.onIOPub = ({ content }) => { if (content.text) window.toldByPython = content.text; };
    }""")
    page.wait_for_function("window.toldByPython")

    assert page.evaluate("window.toldByPython") == f"True 1 ['{RIGHT}']\n"


def test_the_kernel_says_where_a_typed_list_is_wrong(page):
    exercise = page.locator(".of-list")
    exercise.get_by_role("textbox").fill("0, 3, 1")
    exercise.get_by_role("textbox").press("Enter")
    expect(exercise.locator(".said")).to_contain_text("✗ 3 numbers; layer k takes k of them")

    exercise.get_by_role("textbox").fill(str(SOLUTIONS["macro-list"]()))
    exercise.get_by_role("button", name="Check").click()
    expect(exercise.locator(".said")).to_contain_text("✓")


def test_the_kernel_checks_the_network_of_the_editor_each_time(page):
    exercise = page.locator(".of-network")
    for _ in range(2):
        exercise.get_by_role("button", name="Check my network").click()
        expect(exercise.locator(".said")).to_contain_text("✗ The shortest way passes 6 operations")
    expect(exercise.get_by_role("button", name="Show the answer")).to_be_visible()
