"""The way to a board and back: a shell there, and a folder in which each content lies once."""

from __future__ import annotations

import shlex
import subprocess
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from search.devices.device import DeviceError, MeasurementError
from search.errors import UsageError
from search.files import digest, sha256_of

# OpenSSH ends with this when the connection failed, and not the command.
NO_CONNECTION = 255
COMMAND_LIMIT_S = 60
TRANSFER_LIMIT_S = 600
# Folders of studies that were killed are removed after so many days.
STALE_DAYS = 2
# The path is from the home folder there, where each command begins, so that a relative `python` is found.
CACHE = ".cache/bertailor"

# OpenSSH says this, and the person has to do that about it; the first that is found holds.
REMEDIES = {
    "Could not resolve hostname": "there is no such host: correct `host`, or add it to ~/.ssh/config",
    "REMOTE HOST IDENTIFICATION HAS CHANGED": "its host key has changed: make sure that it is the same board, and then"
    " run `ssh-keygen -R HOST` and `ssh HOST` once",
    "Host key verification failed": "its host key is not known yet: run `ssh HOST` once, and compare the key",
    "Permission denied": "it lets nobody in without a password: copy your key with `ssh-copy-id HOST`",
    "Connection refused": "nothing answers at its port: is the board on, with sshd running?",
    "timed out": "it does not answer: is the board on and in the network?",
    "No route to host": "it can't be reached: is the board on and in the network?",
}


class NoConnectionError(Exception):
    """There is no connection, or not any more."""


@dataclass(frozen=True)
class Shell:
    """A POSIX shell on a board, by OpenSSH's own client, so that keys, jump hosts and aliases work.

    Attributes:
        device: The board's name, for messages.
        host: As ``ssh`` takes it.
        client: The client and its options.
    """

    device: str
    host: str
    client: tuple[str, ...]

    def run(
        self, command: str, given: bytes = b"", *, time_limit_s: float = COMMAND_LIMIT_S
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command from the home folder there, with bytes on its standard input.

        Raises:
            NoConnectionError: The board can't be reached, and what to do.
            MeasurementError: The command takes too long.
            UsageError: There is no client here.
        """
        call = [*self.client, "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"]
        call += [self.host, f"sh -c {shlex.quote(f'cd && {command}')}"]
        try:
            answer = subprocess.run(call, input=given, capture_output=True, timeout=time_limit_s, check=False)
        except FileNotFoundError as error:
            raise UsageError(f"device {self.device}: there is no {self.client[0]} here: install OpenSSH") from error
        except subprocess.TimeoutExpired as error:
            raise MeasurementError(f"{self.host} did not finish within {error.timeout:.0f} s") from error
        if answer.returncode == NO_CONNECTION:
            raise NoConnectionError(f"device {self.device}: {self._why(answer.stderr.decode(errors='replace'))}")
        return answer

    def copy(self, what: str, command: str, given: bytes = b"", *, time_limit_s: float = COMMAND_LIMIT_S) -> None:
        """Run a command that copies something there, or makes place for it.

        Raises:
            DeviceError: It failed; a full disk is said to be one.
        """
        answer = self.run(command, given, time_limit_s=time_limit_s)
        if answer.returncode:
            said = answer.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            full = ": make room there" if "No space left" in said[-1] else ""
            raise DeviceError(f"device {self.device}: {what} can't be copied to {self.host}: {said[-1]}{full}")

    def _why(self, errors: str) -> str:
        """What the client says, with the remedy."""
        for sign, remedy in REMEDIES.items():
            if sign in errors:
                return f"{self.host}: {remedy.replace('HOST', self.host)}"
        said = errors.strip().splitlines() or ["no reason given"]
        return f"the connection to {self.host} is lost ({said[-1].strip()}); the same command goes on once it is back"


class RemoteFolder:
    """A folder of this process on a board, under ``CACHE``, in which each content lies once, named by its digest.

    Args:
        shell: Of the board.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._path = f"{CACHE}/{uuid.uuid4().hex}"
        self._known: set[str] = set()

    def send(self, path: Path) -> str:
        """Copy a file there unless its content is there already; its path there."""
        return f"{self._path}/{self._send(path)}"

    def send_folder(self, folder: Path, names: Sequence[str]) -> str:
        """Copy some files of a folder there, into one of their own; its path there.

        Raises:
            OSError: A file can't be read here.
        """
        sent = [self._send(folder / name) for name in names]
        place = digest(sent)
        if place not in self._known:
            links = " && ".join(f"ln -f {file} {place}/{name}" for file, name in zip(sent, names, strict=True))
            self._shell.copy("a folder", f"cd {self._path} && mkdir -p {place} && {links}")
            self._known.add(place)
        return f"{self._path}/{place}"

    def remove(self, folder: str, file: Path) -> None:
        """Remove a folder that was sent, and the content of one of its files."""
        place, content = folder.rpartition("/")[2], _name(file)
        self._shell.run(f"cd {self._path} && rm -rf {place} {content}")
        self._known -= {place, content}

    def forget(self) -> None:
        """Take nothing to be there any more: who knows what became of it."""
        self._known.clear()

    def close(self) -> None:
        """Remove the folder, if the board still answers; else whoever comes next removes it once it is stale."""
        if self._known:
            self._known.clear()
            with suppress(NoConnectionError, MeasurementError):
                self._shell.run(f"rm -rf {self._path}")

    def _send(self, path: Path) -> str:
        """Copy a file there unless its content is there already; its name there."""
        if not self._known:
            self._make()
        name = _name(path)
        if name not in self._known:
            place = f"{self._path}/{name}"
            command = f"cat > {place}.part && mv {place}.part {place}"
            self._shell.copy(path.name, command, path.read_bytes(), time_limit_s=TRANSFER_LIMIT_S)
            self._known.add(name)
        return name

    def _make(self) -> None:
        """Make the folder, and remove those that others left behind long ago."""
        stale = f"find {CACHE} -mindepth 1 -maxdepth 1 -type d -mtime +{STALE_DAYS} -exec rm -rf {{}} +"
        self._shell.copy("anything", f"mkdir -p {self._path} && {stale}")
        self._known.add(self._path)


def _name(path: Path) -> str:
    """What a file is called there: the digest of its content, and its suffix."""
    return sha256_of(path) + path.suffix
