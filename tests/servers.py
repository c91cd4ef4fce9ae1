"""Servers that tests start: MLflow's own, and PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from tests.ports import free_port

START_LIMIT_S = 120
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextmanager
def running_mlflow(folder: Path, port: int) -> Iterator[str]:
    """An MLflow server that keeps records and artefacts under ``folder``; its address."""
    folder.mkdir(exist_ok=True)
    options = [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "kept"),
    ]
    command = [sys.executable, "-m", "mlflow", "server", *options, "--port", str(port), "--workers", "1"]
    variables = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # seven processes
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for_page(f"{address}/health", server)
        yield address
    finally:
        end_with_children(server)


@contextmanager
def running_postgresql() -> Iterator[str]:
    """A PostgreSQL server with an empty database; its address. Skips the test where there is none to start."""
    if not POSTGRESQL:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    programs, port = POSTGRESQL[-1], free_port()
    # Root starts it as another user, who may not enter pytest's folder or this user's TMPDIR.
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    password = folder / "password"
    password.write_text("secret")
    as_user: list[str] = []
    if os.geteuid() == 0:  # whom PostgreSQL refuses
        for path in (folder, password):
            shutil.chown(path, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    options = ["--username", "me", "--auth", "scram-sha-256", f"--pwfile={password}", "--no-locale", "--encoding=UTF8"]
    subprocess.run([*as_user, programs / "initdb", *options, folder / "data"], check=True, stdout=subprocess.DEVNULL)
    listen = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    command = [*as_user, programs / "postgres", "-D", folder / "data", *listen]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stderr=log)
    try:
        ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        deadline = time.monotonic() + START_LIMIT_S
        while subprocess.run(ready, check=False).returncode:
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"postgresql://me:secret@127.0.0.1:{port}/postgres"
    finally:
        end_with_children(server)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_page(address: str, server: subprocess.Popen[bytes]) -> str:
    """What a page says, once its server answers."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server has ended"
        with contextlib.suppress(requests.RequestException):
            answer = requests.get(address, timeout=5)
            if answer.ok:
                return answer.text
        time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


def end_with_children(server: subprocess.Popen[bytes]) -> None:
    """End a server and all that it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in psutil.wait_procs(family, timeout=10)[1]:
            process.kill()
    server.wait()
