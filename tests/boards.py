"""A board to measure on: a real sshd on this machine, with keys, a port and a home folder of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from search.devices.ssh import SshDevice
from tests.ports import free_port

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


@dataclass
class Board:
    """A running sshd.

    Attributes:
        folder: Holds its configuration, and the client's.
        home: The home folder there.
        port: Where it listens.
        server: Its process.
    """

    folder: Path
    home: Path
    port: int
    server: subprocess.Popen[bytes]

    @property
    def cache(self) -> Path:
        """Where devices put their files."""
        return self.home / ".cache" / "bertailor"

    @property
    def keys(self) -> dict[str, Any]:
        """A device file's keys."""
        client = ["ssh", "-F", str(self.folder / "client")]
        return {"name": "board", "kind": "ssh", "host": "board", "python": sys.executable, "ssh": client}

    def device(self, **keys: Any) -> SshDevice:
        """A device on it that is quick to measure."""
        return SshDevice.model_validate({**self.keys, "time_limit_s": 0.3, **keys})

    def device_file(self, folder: Path, **keys: Any) -> Path:
        """A device file for it."""
        path = folder / "board.yaml"
        path.write_text(yaml.safe_dump({**self.keys, "time_limit_s": 0.3, **keys}), encoding="utf-8")
        return path

    def cut_connections(self) -> int:
        """End all connections, and not what runs over them; how many there were."""
        children = psutil.Process(self.server.pid).children(recursive=True)
        connections = [process for process in children if process.name().startswith("sshd")]
        kill(connections)
        return len(connections)


@contextmanager
def running_board(folder: Path) -> Iterator[Board]:
    """Start an sshd with a home folder under ``folder``; skips the test where there is none to start."""
    if SSHD is None:
        pytest.skip("needs sshd: apt-get install openssh-server")
    home = folder / "home"
    home.mkdir()
    for key in ("host", "user", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    port = free_port()
    (folder / "server").write_text(
        f'Port {port}\nListenAddress 127.0.0.1\nHostKey "{folder}/host"\nAuthorizedKeysFile "{folder}/user.pub"\n'
        f'StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\nSetEnv "HOME={home}"\nMaxStartups 100\n',
        encoding="utf-8",
    )
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}", encoding="utf-8")
    (folder / "wrong").write_text(f"[127.0.0.1]:{port} {(folder / 'other.pub').read_text()}", encoding="utf-8")
    write_client(folder, "client", port, known_hosts=folder / "known")
    write_client(folder, "mistaken", port, known_hosts=folder / "wrong")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # root's sshd wants it
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "server"], stderr=log)
    try:
        wait_for(port, server, folder / "log")
        yield Board(folder, home, port, server)
    finally:
        if server.poll() is None:
            kill(psutil.Process(server.pid).children(recursive=True))
        server.kill()
        server.wait()


def kill(processes: list[psutil.Process]) -> None:
    """End processes, some of which may end by themselves."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def write_client(folder: Path, name: str, port: int, known_hosts: Path) -> None:
    """Write a configuration of the client, as a user has it in ~/.ssh/config."""
    (folder / name).write_text(
        f'Host board\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n IdentityFile "{folder}/user"\n'
        f' IdentitiesOnly yes\n UserKnownHostsFile "{known_hosts}"\n StrictHostKeyChecking yes\n',
        encoding="utf-8",
    )


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server listens."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text())
