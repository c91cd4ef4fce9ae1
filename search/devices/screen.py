"""The screen before a slow board: learns what it takes from what it has measured, and predicts the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from results.costs import Costs
from search.devices.device import Device
from search.devices.kernels import fitted_factors, kernel_shares, left_out_errors
from search.devices.local import LocalDevice


class Screen:
    """Learns what a board takes from what it has measured.

    Args:
        device: The board; it says after how many measurements to begin.
        texts: What is timed.
    """

    def __init__(self, device: Device, texts: Sequence[str]) -> None:
        self._device, self._texts = device, texts
        self._local = LocalDevice(name="here", threads=device.threads, batch_size=device.batch_size, time_limit_s=1)
        self._looked_at: tuple[Costs, np.ndarray] | None = None
        self._here: list[tuple[Costs, np.ndarray]] = []
        self._there: list[Costs] = []

    @property
    def ready(self) -> bool:
        """Whether enough has been measured to predict from."""
        return self._device.screen_after is not None and len(self._there) >= self._device.screen_after

    @property
    def errors(self) -> np.ndarray:
        """The relative error of each latency, predicted from those of all other candidates."""
        times, latencies = self._times()
        return left_out_errors(times, latencies)

    def look(self, folder: Path) -> Costs | None:
        """Measure an artefact here, and predict its costs on the board; None while there is too little to go by."""
        here = self._local.measure(folder, self._texts)
        times = here.latency_ms * kernel_shares(folder, self._texts)
        self._looked_at = (here, times)
        if not self.ready:
            return None
        latency_ms = float(times @ fitted_factors(*self._times()))
        pairs = zip(self._here, self._there, strict=True)
        more_memory_mb = float(np.median([there.memory_mb - near.memory_mb for (near, _), there in pairs]))
        watts = [there.energy_mj / there.latency_ms for there in self._there if there.energy_mj is not None]
        return here.elsewhere(
            latency_ms=latency_ms,
            memory_mb=here.memory_mb + more_memory_mb,
            energy_mj=float(np.median(watts)) * latency_ms if watts else None,
            machine=self._there[-1].machine,
        )

    def at_best(self, costs: Costs) -> Costs:
        """Predicted costs, had the prediction been wrong by as much as it ever was, to the candidate's favour."""
        slower = 1 + float(self.errors.max())
        gaps = [there.memory_mb - near.memory_mb for (near, _), there in zip(self._here, self._there, strict=True)]
        return replace(
            costs,
            latency_ms=costs.latency_ms / slower,
            memory_mb=costs.memory_mb - (float(np.median(gaps)) - min(gaps)),
            energy_mj=None if costs.energy_mj is None else costs.energy_mj / slower,
        )

    def learn(self, measured: Costs) -> None:
        """Learn what the board says of the artefact that was last looked at."""
        if self._looked_at is not None:
            self._here.append(self._looked_at)
            self._there.append(measured)
            self._looked_at = None

    def _times(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array([times for _, times in self._here]), np.array([there.latency_ms for there in self._there])
