"""What holds for every device that measures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from results.costs import Costs
from search.artifacts.scoring import artifact_logits
from search.devices.device import Device, Facts, MeasurementError
from search.devices.local import LocalDevice
from search.devices.scaled import ScaledDevice
from search.study.trial import Workbench
from tests.boards import running_board
from tests.search.conftest import FinishedTrial

FACTS = Facts(
    processor="a board", cores=4, clock_ghz=1.5, flops_per_cycle=8, int8_per_cycle=16, memory_mb=2000, source=""
)
DEVICES = {
    "one": LocalDevice(name="one", time_limit_s=1),
    "two threads, four texts": LocalDevice(name="two", threads=2, batch_size=4, time_limit_s=1),
    "scaled": ScaledDevice(name="scaled", facts=FACTS, power_w=5, time_limit_s=1),
}


@pytest.fixture(scope="module", params=[*DEVICES, "ssh"])
def device(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    if request.param in DEVICES:
        yield DEVICES[request.param]
        return
    with running_board(tmp_path_factory.mktemp("board")) as board:
        yield board.device()


@pytest.fixture(scope="module")
def costs(device: Device, finished_trial: FinishedTrial, bench: Workbench) -> Costs:
    return device.measure(finished_trial.folder, bench.meter.texts)


@pytest.fixture
def broken(finished_trial: FinishedTrial, tmp_path: Path) -> Path:
    """A copy of an artefact, to be broken."""
    folder = tmp_path / "artifact"
    folder.mkdir()
    for name in ("model.onnx", "tokenizer.json"):
        shutil.copyfile(finished_trial.folder / name, folder / name)
    return folder


def one_line_error(device: Device, folder: Path) -> str:
    with pytest.raises(MeasurementError) as caught:
        device.measure(folder, ["turn on the light"])
    message = str(caught.value)
    assert "\n" not in message
    assert "Traceback" not in message
    return message


class TestEveryDevice:
    def test_all_costs_are_positive(self, costs: Costs) -> None:
        yes_or_no = {"steady", "predicted", "throttled", "energy_estimated"}
        figures = {name: value for name, value in costs.figures.items() if name not in yes_or_no}
        assert all(value > 0 for value in figures.values()), figures
        assert isinstance(costs.steady, bool)

    def test_the_interval_encloses_the_median(self, costs: Costs) -> None:
        assert costs.latency_low_ms <= costs.latency_ms <= costs.latency_high_ms

    def test_the_95th_percentile_is_no_less_than_the_median(self, costs: Costs) -> None:
        assert costs.latency_ms <= costs.latency_p95_ms

    def test_steady_means_an_interval_within_three_percent(self, costs: Costs) -> None:
        if costs.steady:
            assert (costs.latency_high_ms - costs.latency_low_ms) / 2 <= 0.03 * costs.latency_ms

    def test_the_size_is_what_lies_on_disk(self, costs: Costs, finished_trial: FinishedTrial) -> None:
        names = ("model.onnx", "tokenizer.json")
        on_disk = sum(len((finished_trial.folder / name).read_bytes()) for name in names)
        assert costs.size_mb == on_disk / 1e6

    def test_the_process_holds_the_model_and_not_our_libraries(self, costs: Costs) -> None:
        assert costs.size_mb < costs.memory_mb < 500

    def test_it_answers_as_the_artefact_does_here(
        self, costs: Costs, finished_trial: FinishedTrial, bench: Workbench
    ) -> None:
        here = artifact_logits(finished_trial.folder, bench.meter.texts, batch_size=1)
        np.testing.assert_allclose(costs.logits, here, atol=1e-4)

    def test_the_runtime_alone_takes_less_memory(self, costs: Costs) -> None:
        assert costs.predicted or 0 < (costs.runtime_mb or 0) < costs.memory_mb

    def test_the_machine_is_named(self, costs: Costs) -> None:
        assert "cores" in costs.machine

    def test_a_relative_folder_is_found(
        self, device: Device, finished_trial: FinishedTrial, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(finished_trial.folder.parent)
        assert device.measure(Path(finished_trial.folder.name), ["turn on the light"]).latency_ms > 0

    def test_texts_of_any_script_are_measured(self, device: Device, finished_trial: FinishedTrial) -> None:
        texts = ["schalte das Licht in der Küche an", "打开灯", "💡 on", "", "line\nbreak"]
        assert device.measure(finished_trial.folder, texts).latency_ms > 0

    def test_a_broken_model_is_an_error_in_one_line(self, device: Device, broken: Path) -> None:
        (broken / "model.onnx").write_bytes(b"not a model")
        assert "can't be run" in one_line_error(device, broken)

    def test_a_cut_off_model_is_an_error_in_one_line(self, device: Device, broken: Path) -> None:
        content = (broken / "model.onnx").read_bytes()
        (broken / "model.onnx").write_bytes(content[: len(content) // 2])
        one_line_error(device, broken)

    def test_a_broken_tokenizer_is_an_error_in_one_line(self, device: Device, broken: Path) -> None:
        (broken / "tokenizer.json").write_text("{}")
        one_line_error(device, broken)

    @pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
    def test_a_missing_file_is_an_error_in_one_line(self, name: str, device: Device, broken: Path) -> None:
        (broken / name).unlink()
        one_line_error(device, broken)
