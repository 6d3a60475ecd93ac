"""Locks of an output folder: one holder at a time, no content touched, no link followed, nothing left."""

import os
import threading
import time

import pytest

from irtoolkit.archive import locks
from irtoolkit.archive.locks import locked, sole_user, write_log
from irtoolkit.archive.tasks import CallError


def test_a_lock_has_one_holder_and_leaves_nothing(tmp_path):
    file = tmp_path / ".lock"
    with locked(file):
        with pytest.raises(BlockingIOError), locked(file):
            pass
        assert file.is_file()
    assert not file.exists()
    with locked(file):
        assert file.is_file()


def test_a_lock_that_is_left_behind_keeps_its_content_until_it_is_free(tmp_path):
    file = tmp_path / ".lock"
    file.write_text("left behind")
    with locked(file):
        assert file.read_text() == "left behind"


def test_whoever_waits_for_a_lock_that_is_removed_takes_the_next_one(tmp_path):
    """The file is removed while it is held, so the lock of whoever opened it before is worth nothing."""
    file = tmp_path / ".lock"
    inside, most = [], []

    def use():
        with locked(file, patience=60):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.001)
            inside.pop()

    users = [threading.Thread(target=use) for _ in range(40)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert most == [1] * 40
    assert not file.exists()


def test_the_lock_of_another_that_took_the_name_meanwhile_stays(tmp_path):
    file = tmp_path / ".lock"
    with locked(file):
        file.unlink()
        file.write_text("another's")
    assert file.read_text() == "another's"


def test_a_lock_opened_before_its_holder_removed_it_is_opened_again(tmp_path, monkeypatch):
    file, real, opened = tmp_path / ".lock", locks.open_own, []

    def open_then_lose(path, mode):
        handle = real(path, mode)
        opened.append(os.fstat(handle.fileno()).st_ino)
        if len(opened) == 1:
            file.unlink()
        return handle

    monkeypatch.setattr(locks, "open_own", open_then_lose)
    with locked(file):
        assert len(opened) == 2
        assert file.stat().st_ino == opened[1]


@pytest.mark.parametrize("name", [locks.LOCK, locks.LOG, locks.DECISIONS_LOCK])
@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_a_lock_or_log_that_is_no_plain_file_refuses_the_run(tmp_path, name, kind):
    precious, out = tmp_path / "precious", tmp_path / "out"
    precious.write_bytes(b"precious")
    out.mkdir()
    {"link": lambda place: place.symlink_to(precious), "folder": os.mkdir, "pipe": os.mkfifo}[kind](out / name)
    with pytest.raises(CallError, match=rf"{name} is a link or no plain file.*remove it"), sole_user(out):
        pass
    assert precious.read_bytes() == b"precious"
    assert [path.name for path in out.iterdir()] == [name]


def test_a_log_is_appended_to_but_not_through_a_link(tmp_path):
    log = tmp_path / "irtoolkit.log"
    write_log(log, "one\ntwo")
    write_log(log, "three \udcff")
    assert [line[20:] for line in log.read_text().splitlines()] == ["one two", r"three \udcff"]
    (tmp_path / "link").symlink_to(log)
    before = log.read_bytes()
    write_log(tmp_path / "link", "four")
    assert log.read_bytes() == before
