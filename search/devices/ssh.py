"""A board that is reached over ssh."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from search.devices.device import DeviceError, MeasurementError
from search.devices.probe_program import probe_program
from search.devices.probed import ARTIFACT, ONE_THREAD, ProbedDevice, report_of
from search.devices.transport import CACHE, NoConnectionError, RemoteFolder, Shell
from search.errors import UsageError
from search.runtime.classifier import MODEL
from search.runtime.report import Report

# A lost connection is tried again after so many seconds.
PAUSES_S = (1, 5, 20)
# Loading an artefact and waiting for others' measurements may take this long, on top of the timing itself.
START_UP_LIMIT_S = 600
# The board must be able to import these; what they print tells its costs from those of another board or version.
IMPORTS = "import numpy, onnxruntime, platform, tokenizers; print(platform.platform(), onnxruntime.__version__)"


class SshDevice(ProbedDevice):
    """A host of the user's ssh configuration.

    The probe, the yardstick and the artefacts are copied there, each content once, into a folder of this process,
    which ``close`` removes.

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
    _shell: Shell = PrivateAttr()
    _folder: RemoteFolder = PrivateAttr()
    _system: str = PrivateAttr(default="")

    def model_post_init(self, context: Any) -> None:
        """Name the way to the board; nothing is sent before it is needed."""
        self._shell = Shell(self.name, self.host, self.ssh)
        self._folder = RemoteFolder(self._shell)

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
            answer = self._shell.run(f"{self.python} -c {shlex.quote(IMPORTS)}")
        except (NoConnectionError, MeasurementError) as error:
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
        self._system = answer.stdout.decode(errors="replace").strip()

    def report(self, folder: Path, texts: Sequence[str], yardstick: Path) -> Report:
        """What the probe says of an artefact on the board; a connection that is lost is made again."""
        for pause in (*PAUSES_S, None):
            try:
                return self._report(folder, texts, yardstick)
            except NoConnectionError as error:
                if pause is None:
                    raise DeviceError(str(error)) from error
                self._folder.forget()
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _report(self, folder: Path, texts: Sequence[str], yardstick: Path) -> Report:
        """The same over the connection as it is now."""
        program = self._folder.send(probe_program())
        try:
            beside = self._folder.send_folder(yardstick, ARTIFACT)
            artifact = self._folder.send_folder(folder, ARTIFACT)
        except OSError as error:
            raise MeasurementError(f"the artefact can't be run: {error}") from error
        limit = self.time_limit_s + START_UP_LIMIT_S
        request = replace(
            self.request(artifact, texts, beside), cores=self.cores, lock=f"{CACHE}/lock", give_up_s=int(limit)
        )
        variables = " ".join(f"{name}={value}" for name, value in ONE_THREAD.items())
        command = f"{variables} {self.python} {program}"
        answer = self._shell.run(command, json.dumps(asdict(request)).encode(), time_limit_s=limit)
        if artifact != beside:
            # A study measures hundreds, and the board's memory card is small.
            self._folder.remove(artifact, folder / MODEL)
        output, errors = (said.decode(errors="replace") for said in (answer.stdout, answer.stderr))
        return report_of(answer.returncode, output, errors)

    def close(self) -> None:
        """Remove this process's folder there, if the board still answers."""
        self._folder.close()
