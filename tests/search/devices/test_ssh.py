from __future__ import annotations

import fcntl
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from results.costs import Costs
from search.devices import ssh
from search.devices.device import DeviceError, MeasurementError
from search.devices.ssh import SshDevice
from search.errors import UsageError
from search.runtime.classifier import MODEL
from tests.boards import Board, running_board

TEXTS = ["turn on the light", "set a timer"]


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with running_board(tmp_path) as running:
        yield running


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "PAUSES_S", (0.1, 0.2))


def in_background(device: SshDevice, folder: Path) -> tuple[threading.Thread, list[Costs | BaseException]]:
    """Measure in a thread; its result is put into the list."""
    results: list[Costs | BaseException] = []

    def run() -> None:
        try:
            results.append(device.measure(folder, TEXTS))
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def models_on(board: Board) -> list[int]:
    """The sizes of the models that lie on a board."""
    return sorted(path.stat().st_size for path in board.cache.glob("*/*.onnx"))


def refused(device: SshDevice) -> str:
    with pytest.raises(UsageError) as caught:
        device.check()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_board_that_has_what_it_needs_is_fine(board: Board) -> None:
    board.device().check()


def test_an_artefact_leaves_the_board_when_it_is_measured_and_the_yardstick_stays(board: Board, artifact: Path) -> None:
    device = board.device()
    device.measure(artifact, TEXTS)
    (yardstick,) = models_on(board)
    assert yardstick != (artifact / MODEL).stat().st_size
    sent = {path: path.stat().st_mtime_ns for path in board.cache.glob("*/*.onnx")}
    device.measure(artifact, TEXTS)
    assert {path: path.stat().st_mtime_ns for path in board.cache.glob("*/*.onnx")} == sent


def test_nothing_is_left_after_the_device_is_closed(board: Board, artifact: Path) -> None:
    device = board.device()
    device.measure(artifact, TEXTS)
    device.close()
    assert [path for path in board.cache.iterdir() if path.is_dir()] == []


def test_what_a_killed_study_left_behind_is_removed_when_it_is_stale(board: Board, artifact: Path) -> None:
    for name, days in (("stale", 5), ("recent", 0)):
        folder = board.cache / name
        folder.mkdir(parents=True)
        (folder / MODEL).write_bytes(b"0")
        then = time.time() - days * 86400
        os.utime(folder, (then, then))
    board.device().measure(artifact, TEXTS)
    left = {path.name for path in board.cache.iterdir()}
    assert "recent" in left
    assert "stale" not in left


def test_one_measurement_at_a_time_runs_on_a_board(board: Board, artifact: Path) -> None:
    board.cache.mkdir(parents=True)
    with (board.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread, results = in_background(board.device(), artifact)
        thread.join(timeout=12)
        assert results == []
        fcntl.flock(lock, fcntl.LOCK_UN)
    thread.join(timeout=60)
    assert isinstance(results[0], Costs), results


def test_a_connection_that_is_lost_in_the_middle_is_made_again(board: Board, artifact: Path) -> None:
    board.cache.mkdir(parents=True)
    with (board.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # so that the probe is surely under way when it is cut off
        thread, results = in_background(board.device(), artifact)
        wait_for_probe(board)
        assert board.cut_connections() > 0
        fcntl.flock(lock, fcntl.LOCK_UN)
    thread.join(timeout=120)
    assert isinstance(results[0], Costs), results


def test_a_board_that_stays_away_is_an_error_that_says_so(board: Board, artifact: Path) -> None:
    device = board.device()
    device.check()
    board.cut_connections()
    board.server.kill()
    board.server.wait()
    with pytest.raises(DeviceError, match=r"board: nothing answers at its port: is the board on, with sshd running\?"):
        device.measure(artifact, TEXTS)
    device.close()  # is no error either


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_there_is_an_error_that_says_so(board: Board, artifact: Path) -> None:
    board.cache.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", board.cache], check=False)
    if mounted.returncode:
        pytest.skip("can't mount a small disk here")
    try:
        with pytest.raises(DeviceError, match=r"can't be copied to board: .*No space left on device: make room there"):
            board.device().measure(artifact, TEXTS)
    finally:
        subprocess.run(["umount", board.cache], check=True)


def test_an_unknown_host_is_refused(board: Board) -> None:
    assert "nowhere.invalid: there is no such host" in refused(board.device(host="nowhere.invalid"))


def test_a_wrong_host_key_is_refused(board: Board) -> None:
    message = refused(board.device(ssh=["ssh", "-F", str(board.folder / "mistaken")]))
    assert "its host key has changed" in message
    assert "ssh-keygen -R board" in message


def test_a_host_that_was_never_seen_is_refused(board: Board) -> None:
    (board.folder / "known").write_text("", encoding="utf-8")
    assert "its host key is not known yet: run `ssh board` once" in refused(board.device())


def test_a_key_that_is_not_let_in_is_refused(board: Board) -> None:
    (board.folder / "user.pub").unlink()
    assert "ssh-copy-id board" in refused(board.device())


def test_a_board_without_that_python_is_refused(board: Board) -> None:
    assert "has no /nowhere/python3" in refused(board.device(python="/nowhere/python3"))


def test_a_python_without_onnxruntime_is_refused(board: Board) -> None:
    python = f"{board.keys['python']} -I -S"  # which leaves out what was installed
    message = refused(board.device(python=python))
    assert "can't import numpy" in message
    assert "-m pip install onnxruntime numpy tokenizers" in message


def test_a_python_there_that_prints_too_is_an_error_that_says_so(board: Board, artifact: Path) -> None:
    wrapper = board.folder / "python"
    wrapper.write_text(f'#!/bin/sh\n{board.keys["python"]} "$@"\necho that was it\n', encoding="utf-8")
    wrapper.chmod(0o755)
    with pytest.raises(MeasurementError, match="printed 'that was it' and no report") as caught:
        board.device(python=str(wrapper)).measure(artifact, TEXTS)
    assert "\n" not in str(caught.value)


def test_no_ssh_here_is_refused(board: Board) -> None:
    assert "install OpenSSH" in refused(board.device(ssh=["no-such-ssh"]))


def wait_for_probe(board: Board) -> None:
    """Wait until a request has reached the board, and its probe waits for the lock."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if len(models_on(board)) == 2:
            time.sleep(2)
            return
        time.sleep(0.1)
    raise AssertionError("no artefact came to the board")
