from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.choosing import Ending, Standing
from results.records import StudyRecord, TrialRecord
from tests.results.test_records import a_study, a_trial
from trackers import outbox
from trackers.outbox import Outbox
from trackers.tracker import Tracker

STANDING = Standing(trials=(a_trial(0),), front=(0,), recommended=0)


class Flaky(Tracker):
    """Keeps what it is told, while its server is there."""

    def __init__(self, away: Callable[[int], bool]) -> None:
        self.calls, self.told = 0, list[str]()
        self._away = away

    def _keep(self, what: str) -> None:
        self.calls += 1
        if self._away(self.calls):
            raise ConnectionError("nobody there")
        self.told.append(what)

    def begin(self, study: StudyRecord, standing: Standing) -> None:
        self._keep("begin")

    def start_trial(self, number: int, label: str) -> None:
        self._keep(f"start {number}")

    def log_progress(self, number: int, step: int, metrics: Mapping[str, float]) -> None:
        self._keep(f"progress {number} {step}")

    def end_trial(self, trial: TrialRecord, standing: Standing) -> None:
        self._keep(f"end {trial.number}")

    def end(self, ending: Ending) -> None:
        self._keep("end")


WHOLE = ["begin", "start 0", "progress 0 1", "end 0", "start 1", "progress 1 1", "end 1", "end"]


@pytest.fixture(autouse=True, scope="module")
def without_waiting() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "RETRY_AFTER_S", -1.0)
        patch.setattr(outbox, "PAUSES_AT_THE_END_S", (0.0,) * 3)
        yield


def tell_all(tracker: Flaky) -> list[str]:
    said: list[str] = []
    box = Outbox(tracker, lambda error: isinstance(error, ConnectionError), said.append)
    box.begin(a_study(), Standing())
    for number in (0, 1):
        box.start_trial(number, "a candidate")
        box.log_progress(number, 1, {"train_loss": 0.5})
        box.end_trial(a_trial(number), STANDING)
    box.end(Ending(standing=STANDING))
    return said


@given(st.sets(st.integers(1, 8)))
def test_whenever_the_server_is_away_all_comes_once_and_in_order(away: set[int]) -> None:
    tracker = Flaky(lambda call: call in away)
    said = tell_all(tracker)
    # One that is away to the very end is another matter.
    if tracker.told == WHOLE:
        assert bool(said) == bool(away & set(range(1, tracker.calls + 1)))
    else:
        assert "the same command" in said[-1]
        assert tracker.told == WHOLE[: len(tracker.told)]


def test_a_server_that_comes_back_has_everything_and_the_person_is_told_twice() -> None:
    tracker = Flaky(lambda call: 3 <= call <= 5)
    said = tell_all(tracker)
    assert tracker.told == WHOLE
    assert [line.partition(":")[0] for line in said] == [
        "the tracking server is away",
        "the tracking server is back, and has all records",
    ]


def test_a_server_that_stays_away_stops_nothing_and_the_person_learns_what_to_do() -> None:
    tracker = Flaky(lambda call: call > 2)
    said = tell_all(tracker)
    assert tracker.told == WHOLE[:2]
    assert len(said) == 2
    assert "nothing is lost: the same command" in said[1]


def test_what_the_server_refuses_is_a_fault() -> None:
    class Refusing(Flaky):
        def _keep(self, what: str) -> None:
            raise ValueError("no such field")

    with pytest.raises(ValueError, match="no such field"):
        tell_all(Refusing(lambda call: False))
