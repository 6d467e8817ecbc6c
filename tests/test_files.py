"""Files appear whole or not at all; links, pipes and devices stay what they are."""

import errno
import os
import stat
import threading

import pytest

import enas_viz as ev
from enas_viz.records.files import (
    check_folder,
    check_target,
    half_of,
    remove_halves,
    write_text,
    written,
)
from enas_viz.spaces.published import ARTICLE_MACRO

POSIX = pytest.mark.skipif(os.name == "nt", reason="links, pipes and modes of POSIX")


@pytest.fixture(params=["svg", "png", "html", "gif"])
def saved(request, tmp_path):
    """A file of every kind that `ev.save` writes, as a path and something to save there."""
    episode = ev.load_trace("article-macro").last
    return tmp_path / f"x.{request.param}", episode


def test_a_block_that_ends_well_replaces_the_file(tmp_path):
    path = tmp_path / "a"
    path.write_text("before")

    write_text(path, "after\n")

    assert path.read_bytes() == b"after\n"
    assert list(tmp_path.iterdir()) == [path]


def test_whatever_is_saved_leaves_the_former_file_when_the_disk_is_full(saved, monkeypatch):
    path, episode = saved
    path.write_bytes(b"before")

    def full(_number):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("enas_viz.records.files.os.fsync", full)

    with pytest.raises(OSError, match="no space left"):
        ev.save(episode, path)
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]


@POSIX
def test_whatever_is_saved_goes_where_a_link_leads_and_the_link_stays(saved, tmp_path):
    path, episode = saved
    other = tmp_path / "other"
    other.mkdir()
    path.symlink_to(other / path.name)  # there is no such file yet

    ev.save(episode, path)
    first = (other / path.name).read_bytes()
    (other / path.name).write_bytes(b"before")
    ev.save(episode, path)

    assert path.is_symlink()
    assert (other / path.name).read_bytes() == first
    assert {p.name for p in (*tmp_path.iterdir(), *other.iterdir())} == {"other", path.name}


@POSIX
def test_a_device_is_written_to_and_stays_one():
    write_text(os.devnull, "gone")

    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@POSIX
def test_whatever_is_saved_can_go_through_a_pipe(saved):
    path, episode = saved
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()

    ev.save(episode, path)
    reader.join()

    assert stat.S_ISFIFO(path.stat().st_mode)
    assert len(got[0]) > 1000


@POSIX
def test_standard_output_by_its_name_is_not_replaced(tmp_path, capfd):
    print("before")
    write_text("/dev/stdout", "written\n")
    print("after")

    assert capfd.readouterr().out == "before\nwritten\nafter\n"


@POSIX
def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "a"
    path.write_text("secret")
    path.chmod(0o640)

    write_text(path, "still secret")

    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_two_that_write_the_same_file_do_not_mix(tmp_path):
    path = tmp_path / "a"
    inner = threading.Thread(target=write_text, args=(path, "second"))

    with written(path) as file:
        file.write(b"fir")
        inner.start()
        inner.join()
        file.write(b"st")

    assert path.read_text() == "first"


def test_half_files_of_killed_processes_are_known_by_their_names(tmp_path):
    for name in (half_of(tmp_path / "checkpoint-1").name, "checkpoint-2.half", "checkpoint-1"):
        (tmp_path / name).touch()

    remove_halves(tmp_path, "checkpoint-")

    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint-1"]


def test_a_name_as_long_as_the_system_takes_can_be_written(tmp_path):
    path = tmp_path / ("é" * 125 + ".html")

    write_text(path, "x")

    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["folder", "nowhere/x.svg", "file/x.svg", ""])
def test_a_target_that_cannot_be_is_refused_before_anything_is_drawn(tmp_path, monkeypatch, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "file").write_text("x")
    monkeypatch.chdir(tmp_path)
    name = {"folder": "folder.svg"}.get(name, name)
    monkeypatch.setattr("enas_viz.view.export.draw", lambda *_, **__: pytest.fail("it was drawn"))

    with pytest.raises((OSError, ValueError), match=r"folder|a drawing is saved as"):
        ev.save(ARTICLE_MACRO, name)
    with pytest.raises(OSError, match="folder"):
        check_target(name)


@POSIX
def test_links_that_lead_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    with pytest.raises(OSError, match="circle"):
        check_target(tmp_path / "a")


@pytest.mark.parametrize(
    ("check", "name", "told"),
    [
        (check_target, "a", "write-protected"),
        (check_target, "new", "no permission"),
        (check_folder, "run", "no permission"),
    ],
)
def test_what_may_not_be_written_is_refused(tmp_path, monkeypatch, check, name, told):
    (tmp_path / "a").touch()
    monkeypatch.setattr(
        "enas_viz.records.files.os.access", lambda *_: False
    )  # root may write anywhere

    with pytest.raises(PermissionError, match=told):
        check(tmp_path / name)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()

    assert check_folder(tmp_path / "new" / "run") == tmp_path / "new" / "run"
    with pytest.raises(NotADirectoryError, match="is no folder, so nothing"):
        check_folder(tmp_path / "file" / "run")
