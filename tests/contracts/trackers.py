"""What a tracker promises, as classes of tests: a tracker's own test inherits those of the promises that it makes.

The class that inherits names its subject by a fixture ``subject`` of scope ``class``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from results.choosing import Ending, Standing
from results.records import TrialRecord
from tests.results.test_records import (
    COMPARISON,
    a_study,
    a_trial,
    a_warm_up,
    failed,
    over_budget,
    polished,
    stopped,
    worse,
)
from trackers.description import in_words
from trackers.tracker import Tracker

FIRST = a_trial(0, score=0.7, latency_ms=4.0)
BETTER = a_trial(3, score=0.9, latency_ms=3.0)
REPEAT = a_trial(4, score=0.9, latency_ms=3.0, candidate=BETTER.candidate, repeats=3, seconds=0.0)
TRIALS = (FIRST, failed(1), over_budget(2), BETTER, REPEAT)
FRONTS: tuple[tuple[int, ...], ...] = ((0,), (0,), (0,), (3,), (3,))
ENTRANT = a_trial(0, score=0.7, entrant=True)
POLISHED = polished(3, of=0)


@dataclass(frozen=True)
class Subject:
    """A kind of tracker: how to make another one of the same place, and all that can be read there of a study."""

    make: Callable[[], Tracker]
    read: Callable[[str], str]


def run_trial(tracker: Tracker, trial: TrialRecord, standing: Standing, curve: tuple[float, ...] = ()) -> None:
    tracker.start_trial(trial.number, trial.label)
    tracker.stage("measuring")
    for step, score in enumerate(curve, start=1):
        tracker.log_progress(trial.number, step, {"train_loss": 0.5, "epoch_score": score})
    tracker.end_trial(trial, standing)


def run_all(tracker: Tracker, name: str) -> Standing:
    tracker.stage("loading")
    tracker.begin(a_study(name), Standing())
    standing = Standing()
    for count, (trial, front) in enumerate(zip(TRIALS, FRONTS, strict=True), start=1):
        standing = Standing(trials=TRIALS[:count], front=front, recommended=front[0])
        run_trial(tracker, trial, standing, curve=(0.5, 0.75))
    return standing


class TellingTracker:
    """What a study found can be read where it tells of it."""

    @pytest.fixture(scope="class")
    def told(self, subject: Subject) -> str:
        """What it tells of a finished study."""
        tracker = subject.make()
        tracker.end(Ending(standing=run_all(tracker, "whole"), test_score=0.8125, comparison=COMPARISON))
        return subject.read("whole")

    def test_it_tells_how_trials_ended_and_why(self, told: str) -> None:
        for trial in TRIALS:
            assert f"#{trial.number}" in told
            assert trial.label in told
            assert trial.reason in told
        for outcome in ("failed", "over-budget", "repeat", "front"):
            assert outcome in told

    def test_it_tells_what_to_take_and_its_test_score(self, told: str) -> None:
        assert "ecommended: #3" in told
        assert "0.8125" in told

    def test_it_tells_what_the_recommended_trial_gains_over_the_full_size_model(self, told: str) -> None:
        assert in_words(COMPARISON) in told

    def test_it_tells_how_good_the_super_network_is(self, subject: Subject) -> None:
        for reused in (False, True):
            tracker = subject.make()
            tracker.begin(a_study("warm"), Standing())
            tracker.warm_up(a_warm_up(reused=reused))
        tracker.end(Ending(standing=Standing(), stopped="by the user"))
        text = subject.read("warm")
        assert "super-network" in text
        assert "0.9375" in text

    def test_it_tells_entrants_trials_that_were_stopped_and_what_polishing_made(self, subject: Subject) -> None:
        tracker = subject.make()
        tracker.begin(a_study("polished"), Standing())
        tracker.warm_up(a_warm_up())
        trials = (ENTRANT, stopped(1), worse(2, of=0), POLISHED)
        for count, trial in enumerate(trials[:3], start=1):
            run_trial(tracker, trial, Standing(trials=trials[:count], front=(0,), recommended=0))
        last = Standing(trials=trials, front=(3,), recommended=3, superseded=frozenset({0}))
        run_trial(tracker, POLISHED, last)
        tracker.end(Ending(standing=last, test_score=0.8125))
        text = subject.read("polished")
        for said in ("entrant", "stopped", stopped(1).reason, "worse", worse(2, of=0).reason, POLISHED.label):
            assert said in text
        assert "ecommended: #3" in text

    def test_it_says_that_nothing_fits(self, subject: Subject) -> None:
        tracker = subject.make()
        tracker.begin(a_study("nothing"), Standing())
        standing = Standing(trials=(over_budget(0),))
        run_trial(tracker, over_budget(0), standing)
        tracker.end(Ending(standing=standing))
        assert "trials keeps to the budgets" in subject.read("nothing")

    def test_it_takes_the_end_of_a_study_without_trials(self, subject: Subject) -> None:
        tracker = subject.make()
        tracker.begin(a_study("empty"), Standing())
        tracker.end(Ending(standing=Standing(), stopped="by an error"))
        assert "Empty so far." in subject.read("empty")

    def test_it_takes_a_trial_without_a_machine_or_figures(self, subject: Subject) -> None:
        tracker = subject.make()
        tracker.begin(a_study("bare"), Standing())
        bare = TrialRecord(number=0, candidate=FIRST.candidate, status="failed")
        standing = Standing(trials=(bare,))
        run_trial(tracker, bare, standing)
        tracker.end(Ending(standing=standing))
        assert bare.label in subject.read("bare")


class ResumingTracker:
    """Another one of the same place goes on with a study."""

    def test_it_goes_on_after_a_stop(self, subject: Subject) -> None:
        tracker = subject.make()
        standing = run_all(tracker, "stopped")
        tracker.start_trial(5, "cut off")
        tracker.log_progress(5, 1, {"train_loss": 0.5})
        tracker.end(Ending(standing=standing, stopped="by the user"))
        tracker = subject.make()
        tracker.begin(a_study("stopped"), standing)
        last = a_trial(6, score=0.95, latency_ms=2.0)
        standing = Standing(trials=(*standing.trials, last), front=(6,), recommended=6)
        run_trial(tracker, last, standing)
        tracker.end(Ending(standing=standing, test_score=0.9375))
        text = subject.read("stopped")
        assert last.label in text
        assert "ecommended: #6" in text
        assert "0.9375" in text

    def test_it_goes_on_after_its_process_died(self, subject: Subject) -> None:
        tracker = subject.make()
        standing = run_all(tracker, "died")
        tracker.start_trial(5, "cut off")
        del tracker
        tracker = subject.make()
        tracker.begin(a_study("died"), standing)
        tracker.end(Ending(standing=standing, test_score=0.8125))
        assert "ecommended: #3" in subject.read("died")

    def test_it_resumes_a_study_that_it_never_saw(self, subject: Subject) -> None:
        tracker = subject.make()
        standing = Standing(trials=TRIALS, front=(3,), recommended=3)
        tracker.begin(a_study("unseen"), standing)
        tracker.end(Ending(standing=standing, test_score=0.8125))
        text = subject.read("unseen")
        assert BETTER.label in text
        assert "ecommended: #3" in text


class SilentTracker:
    """It takes what a study says, and tells nobody."""

    def test_it_takes_all_that_a_study_says(self, subject: Subject) -> None:
        tracker = subject.make()
        tracker.stage("loading")
        tracker.begin(a_study("taken"), Standing())
        tracker.warm_up(a_warm_up())
        standing = Standing(trials=(FIRST,), front=(0,), recommended=0)
        run_trial(tracker, FIRST, standing, curve=(0.5, 0.75))
        tracker.end(Ending(standing=standing, test_score=0.8125, comparison=COMPARISON))
