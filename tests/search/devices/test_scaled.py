from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from search.artifacts.fixed import FixedArtifact
from search.devices import calibration, processor
from search.devices.calibration import SET, Calibration, Point, calibration_of
from search.devices.device import Facts
from search.devices.kernels import KERNELS
from search.devices.loading import load_device
from search.devices.local import LocalDevice
from search.devices.scaled import ScaledDevice
from search.errors import UsageError

TEXTS = ["turn on the light", "set a timer"]
SLOWER = {"fp32": 3.0, "int8": 10.0, "int4": 5.0, "other": 2.0}


@pytest.fixture(scope="module", autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[np.ndarray, str]]:
    """What the set takes on this machine, measured briefly and remembered in a folder of its own."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "TIME_LIMIT_S", 0.1)
        patch.setattr(calibration, "cache_folder", lambda: cache)
        yield calibration.times_here(1)


@pytest.fixture
def int8(tmp_path: Path) -> Path:
    """The folder of an artefact in int8 that is none of the set."""
    FixedArtifact(2, 256, 512, "dynamic-int8").write(tmp_path / "int8", TEXTS)
    return tmp_path / "int8"


@pytest.fixture
def file(here: tuple[np.ndarray, str], tmp_path: Path) -> Path:
    """The calibration of a board whose kernels take ``SLOWER`` times as long as here."""
    there = here[0] @ np.array([SLOWER[kernel] for kernel in KERNELS])
    points = tuple(
        Point(artifact=artifact.name, latency_ms=latency, memory_mb=90)
        for artifact, latency in zip(SET, there, strict=True)
    )
    made = Calibration(
        device="board", machine="a board", threads=1, runtime_mb=40, points=points, error=0, beside=here[1]
    )
    path = tmp_path / "board.calibration.yaml"
    path.write_text(yaml.safe_dump(made.model_dump(mode="json")), encoding="utf-8")
    return path


def test_every_artefact_of_the_set_is_measured_and_every_kernel_takes_part(here: tuple[np.ndarray, str]) -> None:
    assert here[0].shape == (len(SET), len(KERNELS))
    assert (here[0].max(axis=0) > 0.01).all()


def test_a_calibrated_board_is_predicted_by_its_kernels(file: Path, int8: Path) -> None:
    scaled = ScaledDevice(name="board", calibration=file, time_limit_s=0.5, power_w=4)
    scaled.check()
    near = LocalDevice(name="here", time_limit_s=0.5).measure(int8, TEXTS)
    far = scaled.measure(int8, TEXTS)
    assert far.predicted
    assert not near.predicted
    assert min(SLOWER.values()) < far.latency_ms / near.latency_ms < max(SLOWER.values())
    assert far.energy_mj == pytest.approx(4 * far.latency_ms)
    assert far.energy_estimated
    assert far.memory_mb == pytest.approx(near.memory_mb - (near.runtime_mb or 0) + 40, abs=5)
    assert "predicted for a board by a calibration with a median error of" in far.machine


def test_a_board_known_by_its_facts_is_as_many_times_slower_as_its_peak_rates(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "peak_rates", lambda: (60.0, 240.0))
    facts = Facts(
        processor="slow", cores=2, clock_ghz=1, flops_per_cycle=6, int8_per_cycle=12, memory_mb=500, source="made up"
    )
    far = ScaledDevice(name="slow", facts=facts, time_limit_s=0.5).measure(artifact, TEXTS)
    near = LocalDevice(name="here", time_limit_s=0.5).measure(artifact, TEXTS)
    assert far.latency_ms / near.latency_ms == pytest.approx(10, rel=0.3)
    assert "by peak rates, not calibrated" in far.machine


@pytest.mark.parametrize("read", ["clock_ghz", "flops_per_cycle", "int8_per_cycle"])
def test_the_facts_that_a_prediction_reads_are_part_of_a_board_s_identity(read: str) -> None:
    board = load_device("raspberry-pi-5")
    assert board.facts is not None
    faster = board.facts.model_copy(update={read: 2 * getattr(board.facts, read)})
    assert board.model_copy(update={"facts": faster}).fingerprint != board.fingerprint


def test_of_a_calibrated_board_no_fact_is_part_of_its_identity_and_its_calibration_is(file: Path) -> None:
    bare = ScaledDevice(name="board", calibration=file)
    facts = load_device("raspberry-pi-5").facts
    before = bare.fingerprint
    assert bare.model_copy(update={"facts": facts}).fingerprint == before
    file.write_text(file.read_text(encoding="utf-8").replace("runtime_mb: 40", "runtime_mb: 41"), encoding="utf-8")
    assert bare.fingerprint != before


def test_peak_rates_are_those_of_a_processor_of_today() -> None:
    fp32, int8 = processor.peak_rates()
    assert 4 <= fp32 <= 300
    assert fp32 < int8


def test_neither_calibration_nor_facts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "board.yaml"
    path.write_text("name: board\nkind: scaled\n", encoding="utf-8")
    with pytest.raises(UsageError, match="needs a calibration"):
        load_device(str(path))


def test_a_calibration_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "half.yaml").write_text("device: board\n", encoding="utf-8")
    (tmp_path / "board.yaml").write_text("name: board\nkind: scaled\ncalibration: half.yaml\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"half\.yaml"):
        load_device(str(tmp_path / "board.yaml")).check()


def test_what_the_set_takes_here_is_remembered(here: tuple[np.ndarray, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "LocalDevice", None)
    np.testing.assert_array_equal(calibration.times_here(1)[0], here[0])


def test_a_calibration_for_other_threads_is_refused(file: Path) -> None:
    with pytest.raises(UsageError, match=r"holds for 1 thread\(s\), not for 2"):
        ScaledDevice(name="board", calibration=file, threads=2).check()


def test_a_calibration_of_another_set_is_refused(file: Path) -> None:
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**raw, "points": raw["points"][1:]}), encoding="utf-8")
    with pytest.raises(UsageError, match="is missing; calibrate again"):
        ScaledDevice(name="board", calibration=file).check()


@pytest.mark.slow
def test_a_machine_calibrated_as_a_board_is_itself() -> None:
    told: list[str] = []
    made = calibration_of(LocalDevice(name="itself", time_limit_s=2), told.append)
    assert len(told) == len(SET) + 1
    assert made.error < 0.25
