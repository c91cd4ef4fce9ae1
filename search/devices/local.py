"""The machine itself as a device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from pydantic import PositiveFloat

from results.costs import Costs
from search.devices.device import MeasurementError, OutOfMemoryError
from search.devices.probe_program import probe_program
from search.devices.probed import ONE_THREAD, ProbedDevice, report_of
from search.errors import UsageError
from search.runtime.report import Report
from search.runtime.request import Request

# Loading and warming up an artefact may take this long, on top of the timing itself.
START_UP_LIMIT_S = 120
CGROUPS = Path("/sys/fs/cgroup")


class LocalDevice(ProbedDevice):
    """This machine: each artefact is measured in a fresh process that holds nothing else.

    Attributes:
        kind: Names this kind of device.
        cores: The numbers of the cores that it may run on; all where none are named. Linux alone.
        memory_limit_mb: What the process may hold at most, in 10^6 bytes. By a cgroup (v2) where this user may make
            one, else by ``RLIMIT_DATA``, which counts what is reserved and not what is used, and so is stricter.
    """

    kind: Literal["local"] = "local"
    cores: tuple[int, ...] = ()
    memory_limit_mb: PositiveFloat | None = None

    def measure(self, folder: Path, texts: Sequence[str]) -> Costs:
        """Measure the artefact in a folder, and find out whether it runs within the memory limit."""
        costs = super().measure(folder, texts)
        if self.memory_limit_mb is None:
            return costs
        briefly = replace(self.request(str(folder.resolve()), texts), time_limit_s=0, energy_command=None)
        try:
            with self._limited(_probe_command()) as command:
                self._answer(command, briefly)
        except OutOfMemoryError:
            return replace(costs, fits=False)
        return replace(costs, fits=True)

    @property
    def place(self) -> str:
        """Cores may differ."""
        return ",".join(map(str, self.cores))

    def check(self) -> None:
        """Make sure that the limits can be held here.

        Raises:
            UsageError: They can't.
        """
        if not self.cores and self.memory_limit_mb is None:
            return
        if sys.platform != "linux":
            raise UsageError(
                f"device {self.name}: cores and memory_limit_mb need Linux; take them out, and set budgets.memory_mb"
            )
        missing = {*self.cores} - os.sched_getaffinity(0)
        if missing:
            raise UsageError(
                f"device {self.name}: this machine has no core {min(missing)}; it has"
                f" {', '.join(map(str, sorted(os.sched_getaffinity(0))))}"
            )

    def report(self, folder: Path, texts: Sequence[str], yardstick: Path) -> Report:
        """What the probe says of an artefact in a fresh process of this machine."""
        request = self.request(str(folder.resolve()), texts, str(yardstick))
        return self._answer(_probe_command(), replace(request, cores=self.cores))

    def _answer(self, command: Sequence[str], request: Request) -> Report:
        limit = self.time_limit_s + START_UP_LIMIT_S
        try:
            finished = subprocess.run(
                command,
                input=json.dumps(asdict(request)),
                env={**os.environ, **ONE_THREAD},
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MeasurementError(f"the artefact did not finish within {limit:.0f} s") from error
        return report_of(finished.returncode, finished.stdout, finished.stderr)

    @contextmanager
    def _limited(self, command: Sequence[str]) -> Iterator[list[str]]:
        """The command that runs a command within the memory limit."""
        if self.memory_limit_mb is None:
            yield [*command]
            return
        limit = int(self.memory_limit_mb * 1e6)
        cgroup = _new_cgroup(limit)
        if cgroup is None:
            yield ["sh", "-c", 'ulimit -d "$0" && exec "$@"', str(limit // 1024), *command]
            return
        try:
            yield ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(cgroup), *command]
        finally:
            cgroup.rmdir()


def _probe_command() -> list[str]:
    """The command of the probe; neither the working directory nor the user's PYTHON* variables reach it."""
    return [sys.executable, "-I", str(probe_program())]


def _new_cgroup(limit: int) -> Path | None:
    """A group of processes that may hold so many bytes together; None where this user may make none."""
    group = CGROUPS / f"bertailor-{os.getpid()}-{threading.get_ident()}"
    try:
        if "memory" not in (CGROUPS / "cgroup.subtree_control").read_text(encoding="ascii").split():
            return None
        group.mkdir()
    except OSError:
        return None
    try:
        (group / "memory.max").write_text(str(limit), encoding="ascii")
    except OSError:
        group.rmdir()
        return None
    with suppress(OSError):  # where there is no swap
        (group / "memory.swap.max").write_text("0", encoding="ascii")
    return group
