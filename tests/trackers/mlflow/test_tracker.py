from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from results.choosing import Ending, Standing
from results.records import DataRecord
from spaces import Candidate
from tests.results.test_records import a_study, a_trial, changed, failed, over_budget
from tests.trackers.conftest import Book, standing
from trackers.mlflow import tracker as mlflow_tracker

FIRST = a_trial(0, score=0.7, latency_ms=4.0)
BETTER = a_trial(3, score=0.9, latency_ms=3.0)
SLOWER = a_trial(4, score=0.95, latency_ms=7.0)
REPEAT = a_trial(5, score=0.9, latency_ms=3.0, candidate=BETTER.candidate, repeats=3, seconds=0.0)


@pytest.fixture(scope="module")
def whole(book: Book) -> Book:
    """The store after the whole life of a study called `whole`."""
    tracker = book.tracker()
    tracker.begin(a_study("whole"), Standing())
    steps = [
        standing(FIRST, front=(0,)),
        standing(FIRST, failed(1), front=(0,)),
        standing(FIRST, failed(1), over_budget(2), front=(0,)),
        standing(FIRST, failed(1), over_budget(2), BETTER, front=(3,)),
        standing(FIRST, failed(1), over_budget(2), BETTER, SLOWER, front=(4, 3)),
        standing(FIRST, failed(1), over_budget(2), BETTER, SLOWER, REPEAT, front=(4, 3)),
    ]
    for step in steps:
        trial = step.trials[-1]
        tracker.start_trial(trial.number, trial.label)
        if trial.score is not None and trial.repeats is None:
            for epoch in (1, 2):
                tracker.log_progress(
                    trial.number, epoch, {"train_loss": 1 / epoch, "epoch_score": trial.score * epoch / 2}
                )
        tracker.end_trial(trial, step)
    tracker.end(Ending(standing=steps[-1], test_score=0.875))
    return book


def test_a_study_is_one_finished_run_of_its_task_and_device(whole: Book) -> None:
    run = whole.parent("whole")
    assert run.info.run_name == "whole"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"sampler": "tpe", "seed": "0"}
    assert run.data.metrics["test_score"] == 0.875
    assert "mlflow.parentRunId" not in run.data.tags


def test_each_trial_is_a_run_nested_in_the_study(whole: Book) -> None:
    names = [run.info.run_name for run in whole.children("whole")]
    assert names == [f"#{t.number} {t.label}" for t in (FIRST, failed(1), over_budget(2), BETTER, SLOWER, REPEAT)]


def test_outcomes_are_as_they_are_at_the_end(whole: Book) -> None:
    assert whole.outcomes("whole") == {
        0: "dominated",
        1: "failed",
        2: "over-budget",
        3: "front",
        4: "front",
        5: "repeat",
    }


def test_a_failed_trial_is_a_failed_run_with_its_traceback(whole: Book) -> None:
    states = [run.info.status for run in whole.children("whole")]
    assert states == ["FINISHED", "FAILED", "FINISHED", "FINISHED", "FINISHED", "FINISHED"]
    run = whole.children("whole")[1]
    assert run.data.tags["reason"] == failed(1).reason
    assert whole.artifact(run, "traceback.txt") == failed(1).details


def test_the_choices_of_a_trial_are_its_parameters(whole: Book) -> None:
    params = whole.children("whole")[3].data.params
    assert (
        params.items()
        >= {
            "depth": "2",
            "layers": "[0, 5]",
            "heads": "4",
            "ffn_sizes": "67",
            "hidden_size": "384",
            "quantisation": "none",
            "learning_rate": "0.0001",
            "epochs": "2",
            "batch_size": "16",
        }.items()
    )


def test_the_figures_of_a_trial_are_its_metrics(whole: Book) -> None:
    metrics = whole.children("whole")[3].data.metrics
    assert {name: metrics[name] for name in ("score", "latency_ms", "latency_p95_ms", "memory_mb", "size_mb")} == {
        "score": 0.9,
        "latency_ms": 3.0,
        "latency_p95_ms": 4.0,
        "memory_mb": 300.0,
        "size_mb": 20.0,
    }
    assert metrics["seconds"] == 12.5


def test_a_trial_that_was_not_trained_has_costs_and_no_score(whole: Book) -> None:
    run = whole.children("whole")[2]
    assert run.data.metrics["latency_ms"] == 9.0
    assert "score" not in run.data.metrics
    assert run.data.tags["reason"] == "latency_ms 9 over 8"


def test_a_training_is_a_curve_with_a_point_for_each_epoch(whole: Book) -> None:
    history = whole.client.get_metric_history(whole.children("whole")[0].info.run_id, "train_loss")
    assert [(point.step, point.value) for point in sorted(history, key=lambda point: point.step)] == [
        (1, 1.0),
        (2, 0.5),
    ]


def test_each_trial_keeps_its_candidate(whole: Book) -> None:
    run = whole.children("whole")[FIRST.number]
    assert Candidate.model_validate(json.loads(whole.artifact(run, "candidate.json"))) == FIRST.candidate


def test_each_trial_says_on_which_machine_it_was_measured(whole: Book) -> None:
    machines = [run.data.tags["machine"] for run in whole.children("whole") if "latency_ms" in run.data.metrics]
    assert {*machines} == {FIRST.machine}


def test_the_front_is_there_as_csv_and_as_json(whole: Book) -> None:
    run = whole.parent("whole")
    rows = list(csv.DictReader(io.StringIO(whole.artifact(run, "front.csv"))))
    assert [row["trial"] for row in rows] == ["4", "3"]
    assert [row["recommended"] for row in rows] == ["False", "True"]
    assert [row["trial"] for row in json.loads(whole.artifact(run, "front.json"))] == [4, 3]


def test_each_plot_is_there_as_a_picture(whole: Book) -> None:
    run = whole.parent("whole")
    pictures = {Path(file.path).stem for file in whole.client.list_artifacts(run.info.run_id, "plots")}
    assert pictures == {"front", "architecture", "hypervolume", "choices"}


def test_the_data_are_the_inputs_of_the_study(book: Book) -> None:
    data = DataRecord(
        name="home-intents", digest="abc", source="made up", labels=("on", "off"), n_train=8, n_validation=2
    )
    tracker = book.tracker()
    for _ in range(2):  # a study that is resumed has them once
        tracker.begin(a_study("inputs", data=data), standing(FIRST))
    (listed,) = book.parent("inputs").inputs.dataset_inputs
    assert (listed.dataset.name, listed.dataset.digest) == ("home-intents", "abc")
    assert json.loads(listed.dataset.profile) == {"training_texts": 8, "validation_texts": 2}
    assert {tag.key: tag.value for tag in listed.tags} == {"mlflow.data.context": "training"}


def test_plots_are_drawn_while_the_study_runs(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_tracker, "DRAW_AFTER_S", 0)
    monkeypatch.setattr(mlflow_tracker, "DRAWING_SHARE", 1e9)
    tracker = book.tracker()
    tracker.begin(a_study("drawn"), Standing())
    tracker.start_trial(0, FIRST.label)
    tracker.end_trial(FIRST, standing(FIRST, front=(0,)))
    assert FIRST.label in book.artifact(book.parent("drawn"), "report.html")


def test_the_front_is_there_as_a_page_that_needs_no_network(whole: Book) -> None:
    page = whole.artifact(whole.parent("whole"), "report.html")
    assert "Plotly.newPlot" in page
    assert len(page) > 1_000_000
    assert '<script src="http' not in page


def test_the_study_file_is_there(whole: Book) -> None:
    assert whole.artifact(whole.parent("whole"), "study.yaml") == a_study("whole").config_yaml


def test_the_note_of_a_study_tells_its_story_and_links_to_its_trials(whole: Book) -> None:
    note = whole.note("whole")
    assert note.startswith("## whole: home-intents on this-machine")
    assert "**Recommended: #3**" in note
    assert "test split is 0.8750" in note
    assert f"(#/experiments/{whole.experiment_id}/runs/{whole.children('whole')[3].info.run_id}?" in note


def test_the_size_of_the_front_is_a_curve_over_the_trials(whole: Book) -> None:
    history = whole.client.get_metric_history(whole.parent("whole").info.run_id, "front_size")
    assert [(point.step, point.value) for point in sorted(history, key=lambda point: point.step)] == [
        (1, 1.0),
        (4, 1.0),
        (5, 2.0),
    ]


def test_a_trial_that_joins_the_front_is_in_the_note_at_once(book: Book) -> None:
    tracker = book.tracker()
    tracker.begin(a_study("joining"), Standing())
    tracker.start_trial(0, FIRST.label)
    tracker.end_trial(FIRST, standing(FIRST, front=(0,)))
    assert "**Recommended: #0**" in book.note("joining")
    assert [row["trial"] for row in json.loads(book.artifact(book.parent("joining"), "front.json"))] == [0]


def test_a_running_study_is_a_running_run(book: Book) -> None:
    book.tracker().begin(a_study("running"), Standing())
    assert book.parent("running").info.status == "RUNNING"


def test_studies_of_one_task_and_device_share_an_experiment_and_not_their_trials(book: Book) -> None:
    for name in ("one", "two"):
        book.tracker().begin(a_study(name), standing(FIRST, front=(0,)))
    assert book.parent("one").info.experiment_id == book.parent("two").info.experiment_id
    assert [len(book.children(name)) for name in ("one", "two")] == [1, 1]


def test_a_deleted_experiment_is_restored(book: Book) -> None:
    study = a_study("restored", device="attic")
    book.tracker().begin(study, Standing())
    experiment = book.client.get_experiment_by_name(study.experiment)
    assert experiment is not None
    book.client.delete_experiment(experiment.experiment_id)
    book.tracker().begin(study, Standing())
    assert book.client.get_experiment(experiment.experiment_id).lifecycle_stage == "active"


def test_layers_of_different_sizes_fit_into_parameters(book: Book) -> None:
    architecture: dict[str, Any] = {
        "layers": list(range(24)),
        "heads": [4, 8] * 12,
        "ffn_sizes": list(range(1024, 1048)),
        "hidden_size": 1024,
    }
    trial = a_trial(0, candidate=changed(FIRST.candidate, architecture=architecture))
    book.tracker().begin(a_study("deep"), standing(trial, front=(0,)))
    (run,) = book.children("deep")
    assert run.data.params["depth"] == "24"
    assert run.data.params["heads"] == str([4, 8] * 12)


def test_artefacts_lie_in_the_store(whole: Book) -> None:
    run = whole.parent("whole")
    assert run.info.artifact_uri.startswith((whole.store / "artifacts").resolve().as_uri())
    assert (whole.store / "mlflow.db").is_file()
