"""A board that is not at hand: artefacts are measured here, and what they would cost there is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from results.costs import Costs
from search.devices import processor
from search.devices.device import Device, Facts
from search.devices.kernels import KERNELS, kernel_shares
from search.devices.local import LocalDevice
from search.errors import UsageError
from search.files import sha256_of
from search.reading import parse, read_mapping


class ScaledDevice(Device):
    """A board whose costs are predicted from those here.

    Attributes:
        kind: Names this kind of device.
        calibration: What ``bertailor calibrate`` wrote for such a board. Without it, the prediction is made of the
            processors' public peak rates, and is a guess: expect it to be off by a factor of two.
    """

    kind: Literal["scaled"] = "scaled"
    calibration: Path | None = None

    @model_validator(mode="after")
    def _something_to_go_by(self) -> Self:
        if self.calibration is None and self.facts is None:
            raise ValueError("kind 'scaled' needs a calibration (`bertailor calibrate`), or the board's facts")
        return self

    @property
    def fingerprint(self) -> str:
        """Tells devices apart, by what their predictions are made of: the calibration, or the board's peak rates."""
        if self.calibration is not None:
            return super().fingerprint + sha256_of(self.calibration)
        return f"{super().fingerprint}{self._facts.peak_rates}"

    def check(self) -> None:
        """Make sure that the calibration can be read.

        Raises:
            UsageError: It can't.
        """
        self._factors  # noqa: B018  # which reads it

    def measure(self, folder: Path, texts: Sequence[str]) -> Costs:
        """Measure an artefact here, and predict latency, memory and energy there."""
        here = self._here.measure(folder, texts)
        factors, runtime_mb, machine = self._factors
        latency_ms = here.latency_ms * float(kernel_shares(folder, texts) @ factors)
        own_runtime_mb = here.runtime_mb or 0.0
        return here.elsewhere(
            latency_ms=latency_ms,
            memory_mb=here.memory_mb - own_runtime_mb + (runtime_mb or own_runtime_mb),
            energy_mj=self.estimated_energy_mj(latency_ms),
            machine=machine,
        )

    @property
    def _here(self) -> LocalDevice:
        return LocalDevice(
            name=self.name, threads=self.threads, batch_size=self.batch_size, time_limit_s=self.time_limit_s
        )

    @property
    def _facts(self) -> Facts:
        """What is known of a board that was not calibrated."""
        assert self.facts is not None
        return self.facts

    @cached_property
    def _factors(self) -> tuple[np.ndarray, float | None, str]:
        """How many times longer each kernel takes there, what an empty runtime takes there, and who says so."""
        if self.calibration is not None:
            from search.devices.calibration import Calibration, factors_of

            calibration = parse(Calibration, read_mapping(self.calibration), str(self.calibration))
            if calibration.threads != self.threads:
                raise UsageError(
                    f"device {self.name}: its calibration holds for {calibration.threads} thread(s), not for"
                    f" {self.threads}: set threads, or calibrate again"
                )
            factors, error = factors_of(calibration)
            machine = f"{calibration.machine} by a calibration with a median error of {error:.0%}"
            return factors, calibration.runtime_mb, machine
        in_fp32, in_int8 = (
            here / there for here, there in zip(processor.peak_rates(), self._facts.peak_rates, strict=True)
        )
        by_kernel = {"fp32": in_fp32, "int8": in_int8, "int4": in_int8, "other": in_fp32}
        machine = f"{self._facts.processor} by peak rates, not calibrated"
        return np.array([by_kernel[kernel] for kernel in KERNELS]), None, machine
