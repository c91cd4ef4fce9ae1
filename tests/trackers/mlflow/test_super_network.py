"""What MLflow is told of a super-network, of entrants and of polishing."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict

import pytest

from results.choosing import Ending, Standing
from spaces import Training
from tests.results.test_records import (
    COMPARISON,
    a_study,
    a_trial,
    a_warm_up,
    changed,
    over_budget,
    polished,
    stopped,
    worse,
)
from tests.trackers.conftest import Book, standing

ENTRANT = a_trial(0, score=0.7, latency_ms=6.0, entrant=True)
MEMBER = a_trial(1, score=0.8)
POLISHED = polished(4, of=1)


@pytest.fixture(scope="module")
def whole(book: Book) -> Book:
    """The store after the whole life of a study called `whole` with a super-network that it trained itself."""
    tracker = book.tracker()
    tracker.begin(a_study("whole"), Standing())
    tracker.warm_up(a_warm_up())
    trials = (ENTRANT, MEMBER, stopped(2), worse(3, of=0), POLISHED)
    steps = [standing(*trials[:count], front=(1,) if count > 1 else (0,)) for count in range(1, 5)]
    last = Standing(trials=trials, front=(4,), recommended=4, superseded=frozenset({1}))
    for step in [*steps, last]:
        tracker.start_trial(step.trials[-1].number, step.trials[-1].label)
        tracker.end_trial(step.trials[-1], step)
    tracker.end(Ending(standing=last, test_score=0.875, comparison=COMPARISON))
    return book


def test_the_super_network_is_a_finished_run_nested_in_the_study(whole: Book) -> None:
    (run,) = whole.super_networks("whole")
    assert run.info.run_name == "super-network"
    assert run.info.status == "FINISHED"
    assert run.data.tags["reused"] == "false"
    assert run.data.params == {"epochs": "1"}
    assert run.data.metrics["full_size_score"] == 0.9375
    assert run.data.metrics["seconds"] == 90.0


@pytest.mark.parametrize(
    ("metric", "points"),
    [
        ("alone_loss", {2: 0.75, 4: 0.5}),
        ("together_loss", {6: 0.25}),
        ("full_size_score", {2: 0.5, 4: 0.75, 6: 0.9375}),
    ],
)
def test_its_curves_go_on_from_one_phase_to_the_next(whole: Book, metric: str, points: dict[int, float]) -> None:
    (run,) = whole.super_networks("whole")
    history = whole.client.get_metric_history(run.info.run_id, metric)
    assert {point.step: point.value for point in history} == points


def test_the_super_network_is_no_trial(whole: Book) -> None:
    assert list(whole.outcomes("whole")) == [0, 1, 2, 3, 4]


def test_it_is_written_once_however_often_the_study_is_resumed(book: Book) -> None:
    for reused in (False, True, True):
        tracker = book.tracker()
        tracker.begin(a_study("resumed"), standing(ENTRANT, front=(0,)))
        tracker.warm_up(a_warm_up(reused=reused))
        tracker.end(Ending(standing=standing(ENTRANT, front=(0,)), stopped="by the user"))
    (run,) = book.super_networks("resumed")
    assert run.info.status == "FINISHED"
    assert run.data.tags["reused"] == "false"
    assert book.outcomes("resumed") == {0: "front"}
    history = book.client.get_metric_history(run.info.run_id, "alone_loss")
    assert sorted(point.value for point in history) == [0.5, 0.75]


def test_each_study_has_a_run_of_the_super_network_that_it_took_from_another(book: Book) -> None:
    for name, reused in (("first", False), ("second", True)):
        tracker = book.tracker()
        tracker.begin(a_study(name), Standing())
        tracker.warm_up(a_warm_up(reused=reused))
    tags = [run.data.tags for name in ("first", "second") for run in book.super_networks(name)]
    assert [tag["reused"] for tag in tags] == ["false", "true"]


def test_the_end_of_a_long_curve_is_kept(book: Book) -> None:
    curves = [(step, {"alone_loss": 1 / step, "full_size_score": step / 700}) for step in range(1, 701)]
    tracker = book.tracker()
    tracker.begin(a_study("long"), Standing())
    tracker.warm_up(a_warm_up(curves=curves, score=1.0))
    (run,) = book.super_networks("long")
    assert run.data.metrics["alone_loss"] == 1 / 700
    assert run.data.metrics["full_size_score"] == 1.0


def test_outcomes_name_what_was_stopped_and_what_polishing_did(whole: Book) -> None:
    assert whole.outcomes("whole") == {0: "dominated", 1: "superseded", 2: "stopped", 3: "worse", 4: "front"}
    assert {run.info.status for run in whole.children("whole")} == {"FINISHED"}


def test_entrants_and_polished_versions_can_be_searched_for(whole: Book) -> None:
    tags = [run.data.tags for run in whole.children("whole")]
    assert [tag.get("entrant") for tag in tags] == ["true", None, None, None, None]
    assert [tag.get("polishes") for tag in tags] == [None, None, None, "0", "1"]
    assert tags[2]["reason"] == stopped(2).reason


def test_a_candidate_that_inherits_its_weights_has_no_parameters_of_a_training(book: Book) -> None:
    trial = a_trial(0, candidate=changed(MEMBER.candidate, training=None))
    book.tracker().begin(a_study("inherits"), standing(trial, front=(0,)))
    (run,) = book.children("inherits")
    assert {"depth", "layers", "heads", "ffn_sizes", "hidden_size", "quantisation"} <= set(run.data.params)
    assert not Training.model_fields.keys() & set(run.data.params)


def test_an_entrant_over_budget_has_its_score_and_its_reason(book: Book) -> None:
    trial = dataclasses.replace(over_budget(0), entrant=True, score=0.75)
    book.tracker().begin(a_study("over"), standing(trial))
    (run,) = book.children("over")
    assert run.data.metrics["score"] == 0.75
    assert (run.data.tags["outcome"], run.data.tags["entrant"]) == ("over-budget", "true")


def test_the_comparison_with_the_full_size_model_is_written_into_the_study(whole: Book) -> None:
    metrics = whole.parent("whole").data.metrics
    assert {name: metrics[f"against_full_size/{name}"] for name in asdict(COMPARISON)} == asdict(COMPARISON)
