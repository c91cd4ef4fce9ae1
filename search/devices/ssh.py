"""A board that is reached over ssh, by OpenSSH's own client, so that keys, jump hosts and aliases work."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from search.devices.device import ARTIFACT, ONE_THREAD, DeviceError, MeasurementError, ProbedDevice, parsed
from search.errors import UsageError
from search.files import digest, sha256_of
from search.runtime import probe

# What OpenSSH ends with when it is the connection that failed, and not the command.
NO_CONNECTION = 255
# Seconds before a lost connection is tried again.
PAUSES_S = (1, 5, 20)
# Loading and warming up an artefact, and waiting for others' measurements, on top of the timing itself.
START_UP_LIMIT_S = 600
TRANSFER_LIMIT_S = 600
# Folders of studies that were killed are removed after so many days.
STALE_DAYS = 2
# From the home folder there, where each command begins, so that a relative `python` is found.
FOLDER = ".cache/bertailor"

# What OpenSSH says, and what the person has to do about it; the first that is found holds.
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
# What the board must be able to import, and by which its costs are told from those of another board or version.
IMPORTS = "import numpy, onnxruntime, platform, tokenizers; print(platform.platform(), onnxruntime.__version__)"


class _NoConnectionError(Exception):
    """There is no connection, or not any more."""


class SshDevice(ProbedDevice):
    """A host of the user's ssh configuration.

    The probe, the reference and the artefacts are copied there, each content once, into a folder of this process
    under ``~/.cache/bertailor``, which ``close`` removes.

    Attributes:
        kind: Names this kind of device.
        host: The board's address or alias, as ``ssh`` takes it.
        python: The Python there, with onnxruntime, numpy and tokenizers.
        ssh: The client and its options.
        cores: The numbers of the cores that it may run on; all where none are named.
    """

    kind: Literal["ssh"] = "ssh"
    host: str = Field(pattern=r"^[^-\s][^\s]*$")
    python: str = "python3"
    ssh: tuple[str, ...] = ("ssh",)
    cores: tuple[int, ...] = ()
    screen_after: Annotated[int | None, Field(ge=6)] = 12
    _session: str = PrivateAttr(default_factory=lambda: uuid.uuid4().hex)
    _sent: set[str] = PrivateAttr(default_factory=set)
    _system: str = PrivateAttr(default="")

    @property
    def place(self) -> str:
        """Boards of one kind may differ, and cores may."""
        return f"{self.host} {','.join(map(str, self.cores))}"

    @property
    def fingerprint(self) -> str:
        """Tells devices apart, by what ``check`` found there too."""
        return super().fingerprint + self._system

    def check(self) -> None:
        """Make sure that the board can be reached, and has what the probe needs.

        Raises:
            UsageError: It can't, or hasn't, and what to do.
        """
        try:
            answer = self._run(f"{self.python} -c {shlex.quote(IMPORTS)}")
        except (_NoConnectionError, MeasurementError) as error:
            raise UsageError(str(error)) from error
        said = answer.stderr.decode(errors="replace").strip().splitlines() or [""]
        if answer.returncode in {126, 127}:
            raise UsageError(f"device {self.name}: {self.host} has no {self.python}: install it there, or set `python`")
        if answer.returncode:
            missing = said[-1].rpartition("No module named ")[2].strip("'")
            raise UsageError(
                f"device {self.name}: {self.python} on {self.host} can't import {missing}: run there"
                f" `{self.python} -m pip install onnxruntime numpy tokenizers`"
            )
        self._system = answer.stdout.decode().strip()

    def report(self, folder: Path, texts: Sequence[str], reference: Path) -> dict[str, Any]:
        """What the probe says of an artefact on the board; a connection that is lost is made again."""
        for pause in (*PAUSES_S, None):
            try:
                return self._report(folder, texts, reference)
            except _NoConnectionError as error:
                if pause is None:
                    raise DeviceError(str(error)) from error
                self._sent.clear()  # who knows what became of it
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _report(self, folder: Path, texts: Sequence[str], reference: Path) -> dict[str, Any]:
        program = self._send(Path(probe.__file__))
        beside, artifact = self._send_artifact(reference), self._send_artifact(folder)
        limit = self.time_limit_s + START_UP_LIMIT_S
        request = {
            **self.request(texts),
            "folder": f"{self._folder}/{artifact}",
            "reference": f"{self._folder}/{beside}",
            "cores": self.cores,
            "lock": f"{FOLDER}/lock",
            "give_up_s": int(limit),
        }
        variables = " ".join(f"{name}={value}" for name, value in ONE_THREAD.items())
        command = f"{variables} {self.python} {self._folder}/{program}"
        answer = self._run(command, json.dumps(request).encode(), time_limit_s=limit)
        if artifact != beside:
            # A study measures hundreds, and the board's memory card is small.
            model = self._name(folder / "model.onnx")
            self._run(f"cd {self._folder} && rm -rf {artifact} {model}")
            self._sent -= {artifact, model}
        return parsed(answer.returncode, answer.stdout.decode(), answer.stderr.decode(errors="replace"))

    def close(self) -> None:
        """Remove this process's folder there, if the board still answers."""
        if self._sent:
            self._sent.clear()
            with suppress(_NoConnectionError, MeasurementError):  # whoever comes next removes what is stale
                self._run(f"rm -rf {self._folder}")

    @property
    def _folder(self) -> str:
        return f"{FOLDER}/{self._session}"

    def _send_artifact(self, folder: Path) -> str:
        """Copy an artefact there, under the digest of its files; the path from this process's folder."""
        try:
            names = [self._send(folder / name) for name in ARTIFACT]
        except OSError as error:
            raise MeasurementError(f"the artefact can't be run: {error}") from error
        place = digest(names)
        if place not in self._sent:
            links = " && ".join(f"ln -f {sent} {place}/{name}" for sent, name in zip(names, ARTIFACT, strict=True))
            self._done(self._run(f"cd {self._folder} && mkdir -p {place} && {links}"), "an artefact")
            self._sent.add(place)
        return place

    def _send(self, path: Path) -> str:
        """Copy a file there unless its content is there already; its name, which is the content's digest."""
        if not self._sent:
            stale = f"find {FOLDER} -mindepth 1 -maxdepth 1 -type d -mtime +{STALE_DAYS} -exec rm -rf {{}} +"
            self._done(self._run(f"mkdir -p {self._folder} && {stale}"), "anything")
            self._sent.add(self._folder)
        name = self._name(path)
        if name not in self._sent:
            place = f"{self._folder}/{name}"
            sent = self._run(
                f"cat > {place}.part && mv {place}.part {place}", path.read_bytes(), time_limit_s=TRANSFER_LIMIT_S
            )
            self._done(sent, path.name)
            self._sent.add(name)
        return name

    @staticmethod
    def _name(path: Path) -> str:
        return sha256_of(path) + path.suffix

    def _done(self, answer: subprocess.CompletedProcess[bytes], what: str) -> None:
        if answer.returncode:
            said = answer.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            full = ": make room there" if "No space left" in said[-1] else ""
            raise DeviceError(f"device {self.name}: {what} can't be copied to {self.host}: {said[-1]}{full}")

    def _run(self, command: str, given: bytes = b"", *, time_limit_s: float = 60) -> subprocess.CompletedProcess[bytes]:
        """Run a command of a POSIX shell there."""
        call = [*self.ssh, "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"]
        call += [self.host, f"sh -c {shlex.quote(f'cd && {command}')}"]
        try:
            answer = subprocess.run(call, input=given, capture_output=True, timeout=time_limit_s, check=False)
        except FileNotFoundError as error:
            raise UsageError(f"device {self.name}: there is no {self.ssh[0]} here: install OpenSSH") from error
        except subprocess.TimeoutExpired as error:
            raise MeasurementError(f"{self.host} did not finish within {error.timeout:.0f} s") from error
        if answer.returncode == NO_CONNECTION:
            raise _NoConnectionError(f"device {self.name}: {self._why(answer.stderr.decode(errors='replace'))}")
        return answer

    def _why(self, errors: str) -> str:
        """What the client says, with the remedy."""
        for sign, remedy in REMEDIES.items():
            if sign in errors:
                return f"{self.host}: {remedy.replace('HOST', self.host)}"
        said = errors.strip().splitlines() or ["no reason given"]
        return f"the connection to {self.host} is lost ({said[-1].strip()}); the same command goes on once it is back"
