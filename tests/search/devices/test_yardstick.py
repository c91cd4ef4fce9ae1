from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.artifacts.fixed import FixedArtifact
from search.devices import yardstick
from search.devices.device import MeasurementError
from search.devices.yardstick import N_FIRST_MEASUREMENTS, drift_of, yardstick_beside
from search.runtime.classifier import MODEL
from search.runtime.report import Report
from tests.search.devices.reports import REPORT

PLACE = "the desk"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(yardstick, "cache_folder", lambda: tmp_path)
    return tmp_path


def report(yardstick_ms: float | None, **others: object) -> Report:
    return replace(REPORT, timing=replace(REPORT.timing, yardstick_ms=yardstick_ms), **others)


def never() -> Report:
    raise AssertionError("it is known what the yardstick usually takes")


def one_after_the_other(*yardstick_ms: float) -> Callable[[], Report]:
    reports: Iterator[Report] = iter([report(taken) for taken in yardstick_ms])
    return lambda: next(reports)


def test_drift_is_against_the_fastest_of_the_first_and_what_was_first_measured_stays(cache: Path) -> None:
    first = one_after_the_other(5.0, 4.0, 6.0)
    assert drift_of(report(6.0), cache / "small", PLACE, first) == 1.5
    assert drift_of(report(8.0), cache / "small", PLACE, never) == 2.0
    assert drift_of(report(3.0), cache / "small", PLACE, never) == 0.75


def test_what_was_first_measured_is_measured_again_where_it_is_seen_to_be_much_faster(cache: Path) -> None:
    drift_of(report(10.0), cache / "small", PLACE, one_after_the_other(*[10.0] * N_FIRST_MEASUREMENTS))
    assert drift_of(report(6.0), cache / "small", PLACE, one_after_the_other(6.0, 5.0, 6.0)) == 1.2
    assert drift_of(report(5.0), cache / "small", PLACE, never) == 1.0


@pytest.mark.parametrize(
    ("name", "place", "others"),
    [
        ("large", PLACE, {}),
        ("small", "the shelf", {}),
        ("small", PLACE, {"machine": "another board"}),
        ("small", PLACE, {"state": replace(REPORT.state, governor="performance")}),
        ("small", PLACE, {"versions": replace(REPORT.versions, onnxruntime="1.32")}),
    ],
)
def test_another_yardstick_or_place_has_a_usual_time_of_its_own(
    name: str, place: str, others: dict[str, object], cache: Path
) -> None:
    drift_of(report(10.0), cache / "small", PLACE, one_after_the_other(*[10.0] * N_FIRST_MEASUREMENTS))
    own = one_after_the_other(*[20.0] * N_FIRST_MEASUREMENTS)
    assert drift_of(report(40.0, **others), cache / name, place, own) == 2.0


@pytest.mark.parametrize("taken", [None, 0.0])
def test_a_report_without_the_yardstick_is_an_error(taken: float | None, cache: Path) -> None:
    with pytest.raises(MeasurementError, match="did not time the yardstick"):
        drift_of(report(taken), cache / "small", PLACE, never)


def test_a_large_artefact_has_a_larger_yardstick_and_each_is_made_once(cache: Path) -> None:
    for name, sizes in (("small", (1, 192, 384)), ("large", (4, 384, 1536))):
        FixedArtifact(*sizes, "none").write(cache / name, ["wake me"])
    small, large = (yardstick_beside(cache / name) for name in ("small", "large"))
    assert (small / MODEL).stat().st_size < (large / MODEL).stat().st_size
    made = (small / MODEL).stat().st_mtime_ns
    assert yardstick_beside(cache / "small") == small
    assert (small / MODEL).stat().st_mtime_ns == made
