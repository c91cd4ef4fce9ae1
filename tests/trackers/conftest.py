"""An MLflow store that the tests of a module share, and what MLflow's own client reads from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from results.choosing import Standing
from results.records import TrialRecord
from trackers.mlflow.store import embedded_uri
from trackers.mlflow.tracker import MlflowTracker

EXPERIMENT = "home-intents on this-machine"


@dataclass(frozen=True)
class Book:
    """A store, and what MLflow's own client reads from it."""

    store: Path
    client: MlflowClient

    def tracker(self) -> MlflowTracker:
        return MlflowTracker(self.store)

    def parents(self, study: str) -> list[Run]:
        return list(self.client.search_runs([self.experiment_id], f"tags.study = '{study}'"))

    def parent(self, study: str) -> Run:
        (run,) = self.parents(study)
        return run

    def children(self, study: str) -> list[Run]:
        """The runs of its trials, by their numbers."""
        return sorted(
            (run for run in self._inside(study) if "trial" in run.data.tags),
            key=lambda run: int(run.data.tags["trial"]),
        )

    def super_networks(self, study: str) -> list[Run]:
        """The runs inside a study that are not of a trial."""
        return [run for run in self._inside(study) if "trial" not in run.data.tags]

    def _inside(self, study: str) -> list[Run]:
        inside = f"tags.`mlflow.parentRunId` = '{self.parent(study).info.run_id}'"
        return list(self.client.search_runs([self.experiment_id], inside, order_by=["attributes.start_time ASC"]))

    def outcomes(self, study: str) -> dict[int, str | None]:
        return {int(run.data.tags["trial"]): run.data.tags.get("outcome") for run in self.children(study)}

    def artifact(self, run: Run, name: str) -> str:
        return Path(self.client.download_artifacts(run.info.run_id, name)).read_text(encoding="utf-8")

    def note(self, study: str) -> str:
        return str(self.parent(study).data.tags.get("mlflow.note.content", ""))

    @property
    def experiment_id(self) -> str:
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        return str(experiment.experiment_id)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    store = tmp_path_factory.mktemp("mlflow") / "not yet there"
    MlflowTracker(store)
    return Book(store, MlflowClient(embedded_uri(store)))


def standing(*trials: TrialRecord, front: tuple[int, ...] = ()) -> Standing:
    return Standing(trials=trials, front=front, recommended=front[-1] if front else None)
