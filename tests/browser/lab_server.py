"""A throw-away JupyterLab or Notebook 7: its own port, token, configuration, process group."""

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
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
IDLE = (
    "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
    " === 'idle'"
)


def chromium() -> dict[str, Any]:
    """How to launch the browser: the one that CHROMIUM names, else Debian's, else Playwright's."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    found = {"headless": True, "args": QUIET.split()}
    return {**found, "executable_path": path} if path else found


@contextlib.contextmanager
def lab(
    folder: Path, theme: str = "light", timeout: float = 90, app: str = "lab"
) -> Iterator[tuple[str, str]]:
    """A server whose root is `folder`; yields its address and token, and stops it at the end.

    app: "lab", or "notebook" for Notebook 7."""
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as made:
        home = Path(made)
        _settle(home, theme)
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                _command(folder, app),
                env=_environment(home),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                yield _address(server, home, timeout)
            finally:
                _stop(server)


def _settle(home: Path, theme: str) -> None:
    """Settings that ask nothing of the network and choose the theme."""
    folder = home / "settings" / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    news = {"fetchNews": "false", "checkForUpdates": False}
    (folder / "notification.jupyterlab-settings").write_text(json.dumps(news))
    (folder / "themes.jupyterlab-settings").write_text(json.dumps({"theme": THEMES[theme]}))


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


def _address(server: subprocess.Popen, home: Path, timeout: float) -> tuple[str, str]:
    """Waits until the socket is bound: then the file with port and token is there, and whole."""
    info, end = home / "run" / f"jpserver-{server.pid}.json", time.monotonic() + timeout
    while True:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            found = json.loads(info.read_text())
            return found["url"], found["token"]
        if server.poll() is not None or time.monotonic() > end:
            told = (home / "log").read_text(errors="replace")[-3000:]
            raise RuntimeError(f"JupyterLab did not start:\n{told}")
        time.sleep(0.1)


def _stop(server: subprocess.Popen) -> None:
    server.send_signal(signal.SIGTERM)  # lets the server end its kernels
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def write_notebook(path: Path, cells: Iterable[str]) -> None:
    """Writes a notebook with these code cells; it names a kernel, else the Lab asks which."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel}), path)


def open_notebook(
    page: Any,
    address: tuple[str, str],
    notebook: str,
    timeout: float = 90_000,
    place: str = "lab/tree",
) -> None:
    """Opens a notebook and waits for its kernel. place: "notebooks" in Notebook 7."""
    url, token = address
    page.goto(f"{url}{place}/{notebook}?token={token}&reset")
    page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell", timeout=timeout)
    page.wait_for_function(IDLE, timeout=timeout)


def command(page: Any, name: str) -> None:
    """Lets the Lab do something; in braces, so that it does not wait for cells to end."""
    page.evaluate(f"() => {{ window.jupyterapp.commands.execute({name!r}); }}")


def run_all(
    page: Any, address: tuple[str, str], notebook: str, ready: str, timeout: float = 90_000
) -> None:
    """Opens a notebook, waits for its kernel, runs all cells, waits for what `ready` selects."""
    open_notebook(page, address, notebook, timeout)
    command(page, "notebook:run-all-cells")
    page.wait_for_selector(ready, timeout=timeout)


@contextlib.contextmanager
def ran(
    browser: Any, folder: Path, notebook: Path, replays: int, tiny: bool = False
) -> Iterator[Any]:
    """A page on which a copy of `notebook` was run and shows so many replays.

    tiny: its live search has fewer epochs. At the end no script may have failed. ENAS_VIZ_SHOTS
    names a folder for pictures of what the tests saw, ENAS_VIZ_THEME the Lab's theme (light, dark).
    """
    root = ".jp-OutputArea-output .enas-replay"
    text = notebook.read_text(encoding="utf-8")
    (folder / notebook.name).write_text(made_tiny(text) if tiny else text, encoding="utf-8")
    with lab(folder, os.environ.get("ENAS_VIZ_THEME", "light")) as address:
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        run_all(page, address, notebook.name, root)
        page.wait_for_function(
            f"() => document.querySelectorAll('{root}').length === {replays}", timeout=180_000
        )
        yield page
        if shots := os.environ.get("ENAS_VIZ_SHOTS"):
            for k in range(replays):
                page.locator(root).nth(k).scroll_into_view_if_needed()
                page.wait_for_timeout(1000)  # the Lab draws what comes into view a moment later
                page.screenshot(path=f"{shots}/{notebook.stem}-{k}.png")
        context.close()
        assert problems == []


def made_tiny(text: str) -> str:
    """A notebook whose live searches have two epochs instead of twelve, or four of sixteen."""
    small = text.replace("train__epochs=12)", "train__epochs=2)")
    small = small.replace('\\"train__epochs\\": 16', '\\"train__epochs\\": 4')
    assert small != text, "no live search of twelve or sixteen epochs in it"
    return small


def outputs(page) -> list[dict]:
    """What the code cells of the open notebook put out."""
    return page.evaluate("""() => {
      const cells = window.jupyterapp.shell.currentWidget.content.widgets.map(w => w.model);
      return cells.filter(m => m.type === 'code').flatMap(m => m.outputs.toJSON());
    }""")
