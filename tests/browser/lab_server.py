"""A throw-away JupyterLab or Notebook 7: its own port, token, configuration, process group.

One Lab serves all tests of a worker, on one page: starting it and loading its page take longer than
most notebooks."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from waiting import LONG, wait_for

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
IDLE = (
    "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
    " === 'idle'"
)
RUN = "async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
OPEN = "async path => { await window.jupyterapp.commands.execute('docmanager:open', { path }); }"
CLOSE = """async () => {
  const { shell, serviceManager } = window.jupyterapp;
  for (const widget of [...shell.widgets('main')]) {
    await widget.sessionContext?.ready; // else its kernel would start later, and stay
    widget.dispose(); // asks not whether to save
  }
  await serviceManager.sessions.shutdownAll();
}"""
WEAR = """async theme => {
  const light = String(theme.endsWith('Light'));
  if (document.body.dataset.jpThemeLight === light) return;
  await window.jupyterapp.commands.execute('apputils:change-theme', { theme });
  while (document.body.dataset.jpThemeLight !== light) await new Promise(requestAnimationFrame);
}"""


def chromium() -> dict[str, Any]:
    """How to launch the browser: the one that CHROMIUM names, else Debian's, else Playwright's."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    found = {"headless": True, "args": QUIET.split()}
    return {**found, "executable_path": path} if path else found


class Lab:
    """A running JupyterLab and a page of it, on which notebooks are opened one after the other.

    folder: its root, for notebooks; the fixture `lab` is one for all tests of a worker."""

    def __init__(self, page: Any, address: tuple[str, str], folder: Path) -> None:
        self.page, self.address, self.folder = page, address, folder
        self.problems: list[str] = []
        page.set_default_timeout(1000 * LONG)
        page.on("pageerror", self._take)
        page.goto("{}lab?token={}&reset".format(*address))
        page.wait_for_selector(".jp-Launcher")

    @contextlib.contextmanager
    def opened(
        self,
        path: Path,
        width: int = 1400,
        height: int = 1000,
        motion: str = "no-preference",
        theme: str = "light",
        kernel: bool = True,
    ) -> Iterator[Any]:
        """The page, with the notebook at `path` opened and, with `kernel`, its kernel idle; both
        are closed at the end, where no script may have failed."""
        page = self.page
        self.problems.clear()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(reduced_motion=motion)
        page.evaluate(WEAR, THEMES[theme])
        page.evaluate(OPEN, str(path.relative_to(self.folder)))
        if kernel:
            wait_for_kernel(page)
        else:
            page.wait_for_selector(f"{PANEL} .jp-Cell")
        yield page
        page.evaluate(CLOSE)
        page.evaluate(WEAR, THEMES["light"])
        assert self.problems == [], self.problems

    def _take(self, error: Any) -> None:
        """Keeps an error of a script. Not JupyterLab's own, nor that of ipywidgets' extension,
        about a notebook that was closed, or a kernel that was shut down, before it answered: these
        tests close earlier than people do. What our modules do runs from a blob, and the extension
        that loads them is its own."""
        stack, told = error.stack or "", str(error)
        ours = "blob:" in stack or "/extensions/" in stack or "/static/lab/" not in stack
        closed_early = told.startswith("Error: Canceled future for create_subshell_request") or (
            "@jupyter-widgets/jupyterlab-manager" in stack and told.endswith("(reading 'kernel')")
        )
        if ours and not closed_early:
            self.problems.append(told)

    def new_folder(self, name: str) -> Path:
        """A folder of its own for notebooks and what they write."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))


@contextlib.contextmanager
def server(folder: Path, app: str = "lab") -> Iterator[tuple[str, str]]:
    """A server whose root is `folder`; yields its address and token, and stops it at the end.

    app: "lab", or "notebook" for Notebook 7."""
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as made:
        home = Path(made)
        _settle(home)
        with (home / "log").open("wb") as log:
            started = subprocess.Popen(
                _command(folder, app),
                env=_environment(home),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                yield _address(started, home)
            finally:
                _stop(started)


def _settle(home: Path) -> None:
    """Settings that ask nothing of the network."""
    folder = home / "settings" / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    news = {"fetchNews": "false", "checkForUpdates": False}
    (folder / "notification.jupyterlab-settings").write_text(json.dumps(news))


def _environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "run"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _command(folder: Path, app: str) -> list[str]:
    kind = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}[app]
    return [
        *(sys.executable, "-m", app.replace("lab", "jupyterlab"), "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={folder}"),
        f"--IdentityProvider.token={secrets.token_hex(16)}",
        f"--{kind}.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--ServerApp.terminals_enabled=False",
    ]


def _address(server: subprocess.Popen, home: Path) -> tuple[str, str]:
    """Waits until the socket is bound: then the file with port and token is there, and whole."""
    info, found = home / "run" / f"jpserver-{server.pid}.json", {}

    def bound() -> bool:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            found.update(json.loads(info.read_text()))
        return bool(found)

    try:
        wait_for(bound, server)
    except AssertionError:
        told = (home / "log").read_text(errors="replace")[-3000:]
        raise RuntimeError(f"JupyterLab did not start:\n{told}") from None
    return found["url"], found["token"]


def _stop(server: subprocess.Popen) -> None:
    server.send_signal(signal.SIGTERM)  # lets the server end its kernels
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def write_notebook(path: Path, cells: Iterable[str]) -> Path:
    """Writes a notebook with these code cells; it names a kernel, else the Lab asks which."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
    return path


def wait_for_kernel(page: Any) -> None:
    page.wait_for_selector(f"{PANEL} .jp-Cell")
    page.wait_for_function(IDLE)


def command(page: Any, name: str) -> None:
    """Lets the Lab do something; in braces, so that it does not wait for cells to end."""
    page.evaluate(f"() => {{ window.jupyterapp.commands.execute({name!r}); }}")


@contextlib.contextmanager
def ran(lab: Lab, notebook: Path, replays: int, tiny: bool = False, **how) -> Iterator[Any]:
    """A page on which a copy of `notebook` was run and shows so many replays.

    tiny: its live search has fewer epochs. ENAS_VIZ_SHOTS names a folder for pictures of what the
    tests saw, ENAS_VIZ_THEME the Lab's theme (light, dark).
    """
    root = ".jp-OutputArea-output .enas-replay"
    text = notebook.read_text(encoding="utf-8")
    copy = lab.new_folder(notebook.stem) / notebook.name
    copy.write_text(made_tiny(text) if tiny else text, encoding="utf-8")
    how.setdefault("theme", os.environ.get("ENAS_VIZ_THEME", "light"))
    with lab.opened(copy, **how) as page:
        page.evaluate(RUN)
        page.wait_for_function(f"() => document.querySelectorAll('{root}').length === {replays}")
        yield page
        if shots := os.environ.get("ENAS_VIZ_SHOTS"):
            for k in range(replays):
                page.locator(root).nth(k).scroll_into_view_if_needed()
                page.wait_for_timeout(1000)  # the Lab draws what comes into view a moment later
                page.screenshot(path=f"{shots}/{notebook.stem}-{k}.png")


def made_tiny(text: str) -> str:
    """A notebook whose live searches have one short epoch instead of twelve, or two of sixteen."""
    short = "train__epochs=1, data__train_images=200, controller__updates=2)"
    small = text.replace("train__epochs=12)", short)
    small = small.replace('\\"train__epochs\\": 16', '\\"train__epochs\\": 2')
    assert small != text, "no live search of twelve or sixteen epochs in it"
    return small


def outputs(page) -> list[dict]:
    """What the code cells of the open notebook put out."""
    return page.evaluate("""() => {
      const cells = window.jupyterapp.shell.currentWidget.content.widgets.map(w => w.model);
      return cells.filter(m => m.type === 'code').flatMap(m => m.outputs.toJSON());
    }""")
