"""What a device promises, as classes of tests: a device's own test inherits those of the promises that it makes.

The class that inherits names its subject by a fixture ``device`` of scope ``class``. Tests are given an ``artifact``,
the folder of one in fp32 with two labels.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from results.budgets import Budgets
from results.costs import Costs
from search.artifacts.scoring import artifact_logits
from search.devices.device import Device, Facts, MeasurementError
from search.runtime.classifier import MODEL, TOKENIZER

TEXTS = ("turn on the kitchen light", "set a timer for twenty minutes", "light up the attic", "wake me in ten minutes")
FACTS = Facts(
    processor="a board", cores=4, clock_ghz=1.5, flops_per_cycle=8, int8_per_cycle=16, memory_mb=2000, source="hearsay"
)
MENDED_FACTS = FACTS.model_copy(
    update={"processor": "in full", "instructions": "NEON", "memory_mb": 4000.0, "power_w": 5.0, "source": "its maker"}
)


class EveryDevice:
    """What holds wherever an artefact is measured, or its costs predicted."""

    @pytest.fixture(scope="class")
    def costs(self, device: Device, artifact: Path) -> Costs:
        return device.measure(artifact, TEXTS)

    @pytest.fixture
    def broken(self, artifact: Path, tmp_path: Path) -> Path:
        """A copy of an artefact, to be broken."""
        return Path(shutil.copytree(artifact, tmp_path / "artifact"))

    def one_line_error(self, device: Device, folder: Path) -> str:
        """What the device says of an artefact that can't be measured."""
        with pytest.raises(MeasurementError) as caught:
            device.measure(folder, TEXTS)
        message = str(caught.value)
        assert "\n" not in message
        assert "Traceback" not in message
        return message

    def test_all_costs_are_positive(self, costs: Costs) -> None:
        yes_or_no = {"steady", "predicted", "throttled", "energy_estimated"}
        figures = {name: value for name, value in costs.figures.items() if name not in yes_or_no}
        assert all(value > 0 for value in figures.values()), figures
        assert isinstance(costs.steady, bool)

    def test_the_interval_encloses_the_median(self, costs: Costs) -> None:
        assert costs.latency_low_ms <= costs.latency_ms <= costs.latency_high_ms

    def test_the_percentiles_rise_from_the_median(self, costs: Costs) -> None:
        assert costs.latency_p99_ms is not None
        assert costs.latency_ms <= costs.latency_p95_ms <= costs.latency_p99_ms

    def test_steady_means_an_interval_within_three_percent(self, costs: Costs) -> None:
        half = (costs.latency_high_ms - costs.latency_low_ms) / 2
        assert not costs.steady or half <= 0.03 * costs.latency_ms

    def test_throughput_is_that_of_one_batch_after_the_other(self, costs: Costs, device: Device) -> None:
        assert costs.throughput_per_s == pytest.approx(device.batch_size * 1e3 / costs.latency_ms)

    def test_the_size_is_what_lies_on_disk(self, costs: Costs, artifact: Path) -> None:
        assert costs.size_mb == sum(len((artifact / name).read_bytes()) for name in (MODEL, TOKENIZER)) / 1e6

    def test_the_process_holds_the_model_and_not_our_libraries(self, costs: Costs) -> None:
        assert costs.size_mb < costs.memory_mb < 500

    def test_the_machine_is_named(self, costs: Costs) -> None:
        assert "cores" in costs.machine

    def test_a_relative_folder_is_found(self, device: Device, artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(artifact.parent)
        assert device.measure(Path(artifact.name), TEXTS).latency_ms > 0

    def test_texts_of_any_script_are_measured(self, device: Device, artifact: Path) -> None:
        texts = ["schalte das Licht in der Küche an", "打开灯", "💡 on", "", "line\nbreak"]
        assert device.measure(artifact, texts).latency_ms > 0

    def test_a_broken_model_is_an_error_in_one_line(self, device: Device, broken: Path) -> None:
        (broken / MODEL).write_bytes(b"not a model")
        assert "can't be run" in self.one_line_error(device, broken)

    def test_a_cut_off_model_is_an_error_in_one_line(self, device: Device, broken: Path) -> None:
        content = (broken / MODEL).read_bytes()
        (broken / MODEL).write_bytes(content[: len(content) // 2])
        self.one_line_error(device, broken)

    def test_a_broken_tokenizer_is_an_error_in_one_line(self, device: Device, broken: Path) -> None:
        (broken / TOKENIZER).write_text("{}")
        self.one_line_error(device, broken)

    @pytest.mark.parametrize("name", [MODEL, TOKENIZER])
    def test_a_missing_file_is_an_error_in_one_line(self, name: str, device: Device, broken: Path) -> None:
        (broken / name).unlink()
        self.one_line_error(device, broken)

    @pytest.mark.parametrize(
        "mended",
        [{"description": "said better"}, {"budgets": Budgets(latency_ms=5)}, {"facts": MENDED_FACTS}],
        ids=lambda mended: next(iter(mended)),
    )
    def test_what_is_said_of_it_is_no_part_of_its_identity(self, device: Device, mended: dict[str, object]) -> None:
        before = device.model_copy(update={"facts": FACTS})
        assert before.model_copy(update=mended).fingerprint == before.fingerprint

    @pytest.mark.parametrize("other", [{"threads": 3}, {"batch_size": 7}, {"time_limit_s": 9.0}])
    def test_what_changes_a_measurement_is_part_of_its_identity(self, device: Device, other: dict[str, object]) -> None:
        assert device.model_copy(update=other).fingerprint != device.fingerprint


class MeasuringDevice:
    """It runs the artefact, and tells what it saw."""

    def test_its_costs_are_not_predicted(self, costs: Costs) -> None:
        assert not costs.predicted

    def test_the_runtime_alone_takes_less_memory(self, costs: Costs) -> None:
        assert costs.runtime_mb is not None
        assert 0 < costs.runtime_mb < costs.memory_mb

    def test_drift_is_what_the_latency_was_divided_by(self, costs: Costs) -> None:
        assert costs.drift is not None
        assert costs.undivided_ms is not None
        # A median of quotients isn't quite the quotient of medians.
        assert costs.latency_ms * costs.drift == pytest.approx(costs.undivided_ms, rel=0.5)

    def test_what_ran_it_is_told(self, costs: Costs) -> None:
        assert {"python", "onnxruntime", "tokenizers", "energy"} <= costs.conditions.keys()


class PredictingDevice:
    """It predicts from a measurement here."""

    def test_its_costs_are_said_to_be_predicted(self, costs: Costs) -> None:
        assert costs.predicted
        assert costs.machine.startswith("predicted for ")

    def test_what_can_t_be_predicted_is_not_told(self, costs: Costs) -> None:
        assert (costs.drift, costs.undivided_ms, costs.runtime_mb, costs.pss_mb) == (None, None, None, None)


class AnsweringDevice:
    """It answers as the artefact does here."""

    def test_it_answers_as_the_artefact_does_here(self, costs: Costs, artifact: Path) -> None:
        np.testing.assert_allclose(costs.logits, artifact_logits(artifact, TEXTS, batch_size=1), atol=1e-4)


class EnergyMeteringDevice:
    """Something meters its energy."""

    def test_its_energy_is_metered(self, costs: Costs) -> None:
        assert costs.energy_mj is not None
        assert costs.energy_estimated is False
        assert costs.conditions["energy"]


class EnergyEstimatingDevice:
    """Nothing meters its energy, but its power under load is known."""

    def test_its_energy_is_estimated_from_its_power(self, costs: Costs, device: Device) -> None:
        assert device.power_w is not None
        assert costs.energy_mj == pytest.approx(device.power_w * costs.latency_ms / device.batch_size)
        assert costs.energy_estimated is True
