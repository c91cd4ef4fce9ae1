"""Metering: what an artefact costs on the study's device, measured now or remembered."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from results.costs import Costs
from search.devices.costs_cache import CostsCache
from search.devices.device import Device, MeasurementError
from search.files import sha256_of
from search.models.elastic import ElasticForSequenceClassification
from search.runtime.classifier import TOKENIZER
from spaces import Candidate


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Measures artefacts.

    Attributes:
        device: Where.
        texts: What is timed, the same for all candidates of a task.
        cache: Remembers what was measured.
        figures: The names of the costs that the study goes by.
    """

    device: Device
    texts: tuple[str, ...]
    cache: CostsCache
    figures: frozenset[str]

    def costs(self, model: ElasticForSequenceClassification, candidate: Candidate, folder: Path) -> Costs:
        """The costs of the artefact in a folder, or of one like it that was measured before."""
        what = {
            "encoder": model.config.to_dict(),
            "compression": candidate.compression.model_dump(),
            "device": self.device.fingerprint,
            "texts": self.texts,
            "tokenizer": sha256_of(folder / TOKENIZER),
        }
        return self.cache.costs(what, lambda: self.measured(folder))

    def measured(self, folder: Path) -> Costs:
        """The costs of the artefact in a folder, as the device measures them now.

        Raises:
            MeasurementError: It can't be measured, or a figure that the study goes by is not told.
        """
        # What it answered is of no use to a trial, and would be most of its record.
        costs = dataclasses.replace(self.device.measure(folder, self.texts), logits=[])
        missing = self.figures - costs.figures.keys()
        if missing:
            raise MeasurementError(
                f"nothing tells {', '.join(sorted(missing))} of device {self.device.name}: set its power_w or"
                " energy_command, or take it out of objectives and budgets"
            )
        return costs
