from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from rich.console import Console

from results.choosing import Ending, Standing
from results.records import TrialRecord
from tests.ports import free_port
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
from tests.servers import running_mlflow, running_postgresql
from trackers.console import ConsoleTracker
from trackers.description import in_words
from trackers.mlflow.store import embedded_uri
from trackers.mlflow.tracker import MlflowTracker
from trackers.outbox import Outbox
from trackers.tracker import Tracker, Trackers


@dataclass(frozen=True)
class Subject:
    """A kind of tracker: how to make another one of the same place, and all that can be read there of a study."""

    make: Callable[[], Tracker]
    read: Callable[[str], str]


def console_subject(*, terminal: bool) -> Subject:
    file = io.StringIO()

    def make() -> Tracker:
        return ConsoleTracker(Console(file=file, width=200, force_terminal=terminal, color_system=None))

    return Subject(make, lambda study: file.getvalue())


def mlflow_subject(store: Path, uri: str | None = None) -> Subject:
    def read(study: str) -> str:
        client = MlflowClient(uri or embedded_uri(store))
        experiment = client.get_experiment_by_name(a_study().experiment)
        assert experiment is not None
        (parent,) = client.search_runs([experiment.experiment_id], f"tags.study = '{study}'")
        inside = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
        children = client.search_runs([experiment.experiment_id], inside)
        figures = [
            [*run.data.tags.items(), *((name, f"{value:.4f}") for name, value in run.data.metrics.items())]
            for run in children
        ]
        lines = [f"{run.info.run_name} {known}" for run, known in zip(children, figures, strict=True)]
        return "\n".join([parent.data.tags.get("mlflow.note.content", ""), *lines])

    return Subject(lambda: MlflowTracker(store, uri), read)


def both(one: Subject, other: Subject) -> Subject:
    return Subject(lambda: Trackers([one.make(), other.make()]), lambda study: one.read(study) + other.read(study))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


@pytest.fixture(
    params=["console", "terminal", "outbox", "server", "postgresql", "composite", "no tracker"],
    scope="module",
)
def subject(request: pytest.FixtureRequest, store: Path) -> Iterator[Subject]:
    with ExitStack() as stack:
        yield made(request.param, store, stack)


def made(kind: str, store: Path, stack: ExitStack) -> Subject:
    match kind:
        case "server":
            return mlflow_subject(store, stack.enter_context(running_mlflow(store / "server", free_port())))
        case "postgresql":
            return mlflow_subject(store, stack.enter_context(running_postgresql()))
        case "console":
            return console_subject(terminal=False)
        case "terminal":
            return console_subject(terminal=True)
        case "outbox":
            inner = mlflow_subject(store)
            return Subject(lambda: Outbox(inner.make(), lambda error: False, print), inner.read)
        case "composite":
            return both(console_subject(terminal=False), console_subject(terminal=True))
    return both(Subject(lambda: Trackers([]), lambda study: ""), console_subject(terminal=False))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A study's name that no other test has."""
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name)


FIRST = a_trial(0, score=0.7, latency_ms=4.0)
BETTER = a_trial(3, score=0.9, latency_ms=3.0)
REPEAT = a_trial(4, score=0.9, latency_ms=3.0, candidate=BETTER.candidate, repeats=3, seconds=0.0)
TRIALS = (FIRST, failed(1), over_budget(2), BETTER, REPEAT)
FRONTS: tuple[tuple[int, ...], ...] = ((0,), (0,), (0,), (3,), (3,))
ENTRANT = a_trial(0, score=0.7, entrant=True)
POLISHED = polished(3, of=0)


def run_trial(tracker: Tracker, trial: TrialRecord, standing: Standing) -> None:
    tracker.start_trial(trial.number, trial.label)
    tracker.stage("measuring")
    if trial.score is not None:
        tracker.log_progress(trial.number, 1, {"train_loss": 0.5, "epoch_score": trial.score})
    tracker.end_trial(trial, standing)


def run_all(tracker: Tracker, name: str) -> Standing:
    tracker.stage("loading")
    tracker.begin(a_study(name), Standing())
    standing = Standing()
    for count, front in enumerate(FRONTS, start=1):
        standing = Standing(trials=TRIALS[:count], front=front, recommended=front[0])
        run_trial(tracker, TRIALS[count - 1], standing)
    return standing


class TestEveryTracker:
    """What a study asks of any tracker."""

    def test_tells_how_trials_ended_and_why(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        standing = run_all(tracker, name)
        tracker.end(Ending(standing=standing, test_score=0.8125))
        text = subject.read(name)
        for trial in TRIALS:
            assert f"#{trial.number}" in text
            assert trial.label in text
            assert trial.reason in text
        for outcome in ("failed", "over-budget", "repeat", "front"):
            assert outcome in text

    def test_tells_what_to_take_and_its_test_score(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        tracker.end(Ending(standing=run_all(tracker, name), test_score=0.8125))
        text = subject.read(name)
        assert "ecommended: #3" in text
        assert "0.8125" in text

    def test_tells_what_the_recommended_trial_gains_over_the_full_size_model(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        tracker.end(Ending(standing=run_all(tracker, name), test_score=0.8125, comparison=COMPARISON))
        assert in_words(COMPARISON) in subject.read(name)

    def test_tells_how_good_the_super_network_is(self, subject: Subject, name: str) -> None:
        for reused in (False, True):
            tracker = subject.make()
            tracker.begin(a_study(name), Standing())
            tracker.warm_up(a_warm_up(reused=reused))
        tracker.end(Ending(standing=Standing(), stopped="by the user"))
        text = subject.read(name)
        assert "super-network" in text
        assert "0.9375" in text

    def test_tells_entrants_trials_that_were_stopped_and_what_polishing_made(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        tracker.begin(a_study(name), Standing())
        tracker.warm_up(a_warm_up())
        trials = (ENTRANT, stopped(1), worse(2, of=0), POLISHED)
        for count, trial in enumerate(trials[:3], start=1):
            run_trial(tracker, trial, Standing(trials=trials[:count], front=(0,), recommended=0))
        last = Standing(trials=trials, front=(3,), recommended=3, superseded=frozenset({0}))
        run_trial(tracker, POLISHED, last)
        tracker.end(Ending(standing=last, test_score=0.8125))
        text = subject.read(name)
        for said in ("entrant", "stopped", stopped(1).reason, "worse", worse(2, of=0).reason, POLISHED.label):
            assert said in text
        assert "ecommended: #3" in text

    def test_goes_on_after_a_stop(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        standing = run_all(tracker, name)
        tracker.start_trial(5, "cut off")
        tracker.log_progress(5, 1, {"train_loss": 0.5})
        tracker.end(Ending(standing=standing, stopped="by the user"))
        tracker = subject.make()
        tracker.begin(a_study(name), standing)
        last = a_trial(6, score=0.95, latency_ms=2.0)
        standing = Standing(trials=(*standing.trials, last), front=(6,), recommended=6)
        run_trial(tracker, last, standing)
        tracker.end(Ending(standing=standing, test_score=0.9375))
        text = subject.read(name)
        assert last.label in text
        assert "ecommended: #6" in text
        assert "0.9375" in text

    def test_goes_on_after_its_process_died(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        standing = run_all(tracker, name)
        tracker.start_trial(5, "cut off")
        del tracker
        tracker = subject.make()
        tracker.begin(a_study(name), standing)
        tracker.end(Ending(standing=standing, test_score=0.8125))
        assert "ecommended: #3" in subject.read(name)

    def test_resumes_a_study_that_it_never_saw(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        standing = Standing(trials=TRIALS, front=(3,), recommended=3)
        tracker.begin(a_study(name), standing)
        tracker.end(Ending(standing=standing, test_score=0.8125))
        text = subject.read(name)
        assert BETTER.label in text
        assert "ecommended: #3" in text

    def test_says_that_nothing_fits(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        tracker.begin(a_study(name), Standing())
        standing = Standing(trials=(over_budget(0),))
        run_trial(tracker, over_budget(0), standing)
        tracker.end(Ending(standing=standing))
        assert "trials keeps to the budgets" in subject.read(name)

    def test_takes_the_end_of_a_study_without_trials(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        tracker.begin(a_study(name), Standing())
        tracker.end(Ending(standing=Standing(), stopped="by an error"))
        assert "Empty so far." in subject.read(name)

    def test_takes_a_trial_that_was_measured_without_a_machine_or_figures(self, subject: Subject, name: str) -> None:
        tracker = subject.make()
        tracker.begin(a_study(name), Standing())
        bare = TrialRecord(number=0, candidate=FIRST.candidate, status="failed")
        standing = Standing(trials=(bare,))
        run_trial(tracker, bare, standing)
        tracker.end(Ending(standing=standing))
        assert bare.label in subject.read(name)
