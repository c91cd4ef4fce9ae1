"""Devices: where artefacts are measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from search.devices import probe
from search.devices.costs import Costs
from search.errors import RunError, UsageError
from search.reading import parse, read_mapping
from spaces import nearest

CATALOGUE = Path(__file__).with_name("catalogue")
# Loading and warming up an artefact, on top of the time that the timing itself may take.
START_UP_LIMIT_S = 120


class MeasurementError(RunError):
    """The artefact could not be run where it was to be measured."""


class LocalDevice(BaseModel):
    """This machine: each artefact is measured in a fresh process that holds nothing else.

    Attributes:
        threads: Of one inference.
        batch_size: Texts of one inference.
        time_limit_s: After this long a timing that is still noisy is reported as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    kind: Literal["local"] = "local"
    description: str = ""
    threads: PositiveInt = 1
    batch_size: PositiveInt = 1
    time_limit_s: Annotated[PositiveFloat, Field(le=600)] = 10

    def measure(self, folder: Path, texts: Sequence[str]) -> Costs:
        """Measure the artefact in a folder on texts of its task.

        Raises:
            MeasurementError: It can't be loaded or run, or needs more memory than there is.
        """
        request = {
            "folder": str(folder.resolve()),
            "texts": list(texts),
            "threads": self.threads,
            "batch_size": self.batch_size,
            "time_limit_s": self.time_limit_s,
        }
        # -I: neither the working directory nor the user's PYTHON* variables reach the fresh process.
        command = [sys.executable, "-I", probe.__file__]
        try:
            finished = subprocess.run(
                command,
                input=json.dumps(request),
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=self.time_limit_s + START_UP_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MeasurementError(f"the artefact did not finish within {error.timeout:.0f} s") from error
        if finished.returncode < 0:
            raise MeasurementError(
                f"the measuring process was killed by signal {-finished.returncode}, likely for want of memory"
            )
        if finished.returncode:
            reason = (finished.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise MeasurementError(f"the artefact can't be run: {reason}")
        report = json.loads(finished.stdout)
        fields = Costs.__dataclass_fields__.keys() & report.keys()
        return Costs(**{name: report[name] for name in fields}, size_mb=size_mb(folder))


def size_mb(folder: Path) -> float:
    """What has to be deployed of an artefact, in 10^6 bytes: the model and its tokenizer."""
    return sum((folder / name).stat().st_size for name in ("model.onnx", "tokenizer.json")) / 1e6


def load_device(name: str) -> LocalDevice:
    """Look a device up in the catalogue, or read the user's own YAML file.

    Raises:
        UsageError: There is no such device, or its file can't be read.
    """
    own = Path(name).suffix in {".yaml", ".yml"}
    path = Path(name) if own else CATALOGUE / f"{name}.yaml"
    if not path.is_file():
        known = device_names()
        raise UsageError(
            f"there is no device file {name}: correct the path"
            if own
            else f"unknown device '{name}'{nearest(name, known)}; known: {', '.join(known)}, or the path of a YAML file"
        )
    return parse(LocalDevice, read_mapping(path), str(path))


def device_names() -> list[str]:
    """The devices of the catalogue, sorted."""
    return sorted(path.stem for path in CATALOGUE.glob("*.yaml"))
