from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from results.choosing import Ending, Standing
from tests.ports import free_port
from tests.results.test_records import a_study, a_trial
from tests.servers import running_mlflow
from trackers import outbox
from trackers.mlflow.store import is_away
from trackers.mlflow.tracker import MlflowTracker
from trackers.outbox import Outbox

TRIALS = tuple(a_trial(number, score=0.5 + number / 10) for number in range(4))


def standing(n: int) -> Standing:
    return Standing(trials=TRIALS[:n], front=(n - 1,), recommended=n - 1)


def run_trial(tracker: Outbox, number: int) -> None:
    tracker.start_trial(number, TRIALS[number].label)
    tracker.log_progress(number, 1, {"train_loss": 1.0 - number / 10})
    tracker.end_trial(TRIALS[number], standing(number + 1))


@pytest.mark.parametrize("back", ["in time", pytest.param("too late", marks=pytest.mark.slow)])
def test_a_server_that_goes_away_in_the_middle_of_a_study_has_everything_once_it_is_back(
    back: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RETRY_AFTER_S", 0.0)
    monkeypatch.setattr(outbox, "PAUSES_AT_THE_END_S", (0.1,))
    port, said = free_port(), list[str]()
    ending = Ending(standing=standing(4), test_score=0.75)
    with running_mlflow(tmp_path / "server", port) as address:
        tracker = Outbox(MlflowTracker(tmp_path / "store", address), is_away, said.append)
        tracker.begin(a_study("away"), Standing())
        run_trial(tracker, 0)
        tracker.start_trial(1, TRIALS[1].label)
    tracker.log_progress(1, 1, {"train_loss": 0.9})
    tracker.end_trial(TRIALS[1], standing(2))
    run_trial(tracker, 2)
    if back == "too late":
        run_trial(tracker, 3)
        tracker.end(ending)
        assert "the same command" in said[-1]
    with running_mlflow(tmp_path / "server", port) as address:
        if back == "too late":
            tracker = Outbox(MlflowTracker(tmp_path / "store", address), is_away, said.append)
            tracker.begin(a_study("away"), standing(4))
        else:
            run_trial(tracker, 3)
            assert [line.partition(":")[0] for line in said] == [
                "the tracking server is away",
                "the tracking server is back, and has all records",
            ]
        tracker.end(ending)
        client = MlflowClient(address)
        experiment = client.get_experiment_by_name(a_study().experiment)
        assert experiment is not None
        (parent,) = client.search_runs([experiment.experiment_id], "tags.study = 'away'")
        inside = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
        children = {run.data.tags["trial"]: run for run in client.search_runs([experiment.experiment_id], inside)}
        assert {number: run.data.metrics["score"] for number, run in children.items()} == {
            str(trial.number): trial.score for trial in TRIALS
        }
        assert {run.info.status for run in (parent, *children.values())} == {"FINISHED"}
        assert parent.data.metrics["test_score"] == 0.75
        report = client.download_artifacts(parent.info.run_id, "report.html", str(tmp_path))
        assert TRIALS[3].label in Path(report).read_text(encoding="utf-8")
        if back == "in time":
            assert children["2"].data.metrics["train_loss"] == pytest.approx(0.8)
