"""Records a study in MLflow: an experiment per task and device, a run per study, a child run per trial."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.utils.mlflow_tags import (
    MLFLOW_DATASET_CONTEXT,
    MLFLOW_PARENT_RUN_ID,
    MLFLOW_RUN_NAME,
    MLFLOW_RUN_NOTE,
)

from results.choosing import Ending, Standing
from results.hypervolume import front_hypervolume
from results.records import DataRecord, StudyRecord, TrialRecord, WarmUp
from spaces import Candidate
from trackers.description import describe
from trackers.mlflow.store import connect, is_database, tracking_uri
from trackers.mlflow.views import FRONT, TRIALS, run_page, view_page, view_tags
from trackers.plots import plots
from trackers.plots.png import png
from trackers.report import report_page
from trackers.tables import front_csv, front_rows
from trackers.tracker import Tracker

# Without it the UI takes the experiment for one of language-model agents, and shows the columns of those.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
# A person reads the description, and where trials take milliseconds it is the larger part of them.
DESCRIBE_EVERY_S = 5
# Plots take at most this share of a study's time, and are first drawn after so long.
DRAWING_SHARE, DRAW_AFTER_S = 0.02, 60
PAGE = 1000  # what MLflow returns at most of a search
METRICS_AT_ONCE = 1000  # what it takes at most of a batch


class MlflowTracker(Tracker):
    """Writes to a tracking store with one batch a trial.

    Args:
        store: The folder of the embedded database and of the artefacts, unless a server keeps them; created if need be.
        uri: Another store's address.

    Raises:
        TrackingError: The store can't be used.
    """

    def __init__(self, store: Path, uri: str | None = None) -> None:
        store.mkdir(parents=True, exist_ok=True)
        address = tracking_uri(store, uri)
        self._artifacts = (store / "artifacts").resolve() if is_database(address) else None
        self._client = connect(address)
        self._runs: dict[int, str] = {}  # trial number -> run id
        self._front: set[int] = set()  # as tagged
        self._superseded: frozenset[int] = frozenset()  # likewise
        self._open: set[int] = set()  # started and not ended
        self._described_at, self._stale = -math.inf, False
        self._draw_at = time.monotonic() + DRAW_AFTER_S

    def begin(self, study: StudyRecord, standing: Standing) -> None:
        """Open the study's run, and tell MLflow of the trials that it doesn't have yet."""
        self._study = study
        self._experiment_id = self._open_experiment(study.experiment)
        self._parent_id = self._open_parent(study, resumed=bool(standing.trials))
        written = self._adopt_children({trial.number for trial in standing.trials})
        for trial in standing.trials:
            if trial.number not in written:
                # It finished, but the process died before MLflow heard of it.
                self._write(trial, standing)
        self._show(standing)

    def warm_up(self, story: WarmUp) -> None:
        """Write the super-network's curves into a run of its own, once a study."""
        known = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{self._parent_id}' and tags.warm_up != ''"
        if self._client.search_runs([self._experiment_id], known, max_results=1):
            return
        tags = {
            MLFLOW_PARENT_RUN_ID: self._parent_id,
            MLFLOW_RUN_NAME: "super-network",
            "warm_up": self._study.name,
            "reused": str(story.reused).lower(),
        }
        run_id = str(self._client.create_run(self._experiment_id, tags=tags).info.run_id)
        points = [metric for step, values in story.curves for metric in _metrics(values, step=step)]
        final = _metrics({"full_size_score": story.score, "seconds": story.seconds}, step=story.curves[-1][0])
        settings = [Param(key, value) for key, value in story.settings.items()]
        self._client.log_batch(run_id, metrics=[*points, *final][-METRICS_AT_ONCE:], params=settings)
        self._client.set_terminated(run_id)

    def start_trial(self, number: int, label: str) -> None:
        """Open the trial's run."""
        tags = {
            MLFLOW_PARENT_RUN_ID: self._parent_id,
            MLFLOW_RUN_NAME: f"#{number} {label}",
            "trial": str(number),
        }
        self._runs[number] = self._client.create_run(self._experiment_id, tags=tags).info.run_id
        self._open.add(number)

    def log_progress(self, number: int, step: int, metrics: Mapping[str, float]) -> None:
        """Add a point to the trial's curves."""
        self._client.log_batch(self._runs[number], metrics=_metrics(metrics, step=step))

    def end_trial(self, trial: TrialRecord, standing: Standing) -> None:
        """Write all that is known of the trial, and close its run."""
        self._write(trial, standing)
        self._show(standing)

    def _write(self, trial: TrialRecord, standing: Standing) -> None:
        curve: list[Metric] = []
        if trial.number not in self._runs:
            # Its reports were never heard; what the record has of them is the score.
            self.start_trial(trial.number, trial.label)
            for report, score in enumerate(trial.curve, start=1):
                curve += _metrics({"epoch_score": score}, step=report)
        run_id = self._runs[trial.number]
        tags = {
            "outcome": standing.outcome(trial),
            "reason": trial.reason,
            "machine": trial.machine,
            "entrant": "true" if trial.entrant else "",
            "costs": "" if trial.costs is None else "predicted" if trial.predicted else "measured",
            "polishes": "" if trial.polishes is None else str(trial.polishes),
        }
        metrics = {**trial.figures, "seconds": trial.seconds}
        if trial.unknown_rate is not None:
            metrics["unknown_rate"] = trial.unknown_rate
        self._client.log_batch(
            run_id,
            metrics=[*_metrics(metrics), *curve],
            params=[Param(key, value) for key, value in _flat(trial.candidate).items()],
            tags=[RunTag(key, value) for key, value in tags.items() if value],
        )
        self._client.log_dict(run_id, trial.candidate.model_dump(mode="json"), "candidate.json")
        if trial.details:
            self._client.log_text(run_id, trial.details, "traceback.txt")
        self._open.discard(trial.number)
        self._client.set_terminated(run_id, "FAILED" if trial.status == "failed" else "FINISHED")

    def end(self, ending: Ending) -> None:
        """Draw the plots, and close the study's run and that of a trial that was cut off."""
        finished = {trial.number: trial for trial in ending.standing.trials}
        for number in sorted(self._open):
            if number in finished:
                self._write(finished[number], ending.standing)
            else:
                self._cut_off(self._runs[number])
        self._open.clear()
        self._describe(ending.standing, ending)
        self._draw(ending.standing, ending)
        if ending.test_score is not None:
            self._client.log_metric(self._parent_id, "test_score", ending.test_score)
        if ending.screening_error is not None:
            self._client.log_metric(self._parent_id, "screening_error", ending.screening_error)
        if ending.comparison is not None:
            against = {f"against_full_size/{name}": value for name, value in asdict(ending.comparison).items()}
            self._client.log_batch(self._parent_id, metrics=_metrics(against))
        self._client.set_terminated(self._parent_id, "KILLED" if ending.stopped else "FINISHED")

    def _show(self, standing: Standing) -> None:
        """Bring the front up to date: a trial joins it when it ends, and may be dominated later."""
        front, superseded = set(standing.front), standing.superseded - self._superseded
        if front != self._front or superseded:
            for number in front ^ self._front | superseded:
                self._client.set_tag(self._runs[number], "outcome", standing.outcome(standing.trial(number)))
            self._front, self._superseded, self._stale = front, standing.superseded, True
            found = {"front_size": len(front), "hypervolume": front_hypervolume(standing, self._study.objectives)}
            self._client.log_batch(self._parent_id, metrics=_metrics(found, step=len(standing.trials)))
        if self._stale and time.monotonic() > self._described_at + DESCRIBE_EVERY_S:
            self._describe(standing)
            self._described_at, self._stale = time.monotonic(), False
        if time.monotonic() > self._draw_at:
            started = time.monotonic()
            self._draw(standing)
            self._draw_at = time.monotonic() + (time.monotonic() - started) / DRAWING_SHARE

    def _draw(self, standing: Standing, ending: Ending | None = None) -> None:
        """Write the report, and each of its plots as a picture."""
        figures = plots(self._study, standing)
        self._client.log_text(self._parent_id, report_page(self._study, standing, figures, ending), "report.html")
        with tempfile.TemporaryDirectory() as folder:
            for name, figure in figures.items():
                (Path(folder) / f"{name}.png").write_bytes(png(figure))
            self._client.log_artifacts(self._parent_id, folder, "plots")

    def _describe(self, standing: Standing, ending: Ending | None = None) -> None:
        """Write the study's description, and its front as CSV and JSON."""

        def link(trial: TrialRecord) -> str:
            return run_page(self._experiment_id, self._runs[trial.number])

        pages = {
            "the front as a list": view_page(self._experiment_id, FRONT),
            "all trials": view_page(self._experiment_id, TRIALS),
            "report.html with all plots": run_page(self._experiment_id, self._parent_id, "/artifacts/report.html"),
        }
        self._client.set_tag(self._parent_id, MLFLOW_RUN_NOTE, describe(self._study, standing, link, ending, pages))
        self._client.log_text(self._parent_id, front_csv(standing), "front.csv")
        self._client.log_text(self._parent_id, json.dumps(front_rows(standing), indent=2), "front.json")

    def _open_experiment(self, name: str) -> str:
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            location = None if self._artifacts is None else (self._artifacts / name).as_uri()
            tags = {**EXPERIMENT_TAGS, **view_tags()}
            return str(self._client.create_experiment(name, artifact_location=location, tags=tags))
        if experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def _open_parent(self, study: StudyRecord, *, resumed: bool) -> str:
        # A study's name has only letters, digits, dots, dashes and underscores, so that nothing is to be escaped.
        found = self._client.search_runs([self._experiment_id], f"tags.study = '{study.name}'", max_results=1)
        # A study that has no trials, and yet an ended run with trials, was deleted by its user and begins anew.
        if found and (
            resumed or found[0].info.status == "RUNNING" or not any(True for _ in self._children(found[0].info.run_id))
        ):
            run_id = str(found[0].info.run_id)
            self._client.update_run(run_id, status="RUNNING")
        else:
            tags = {MLFLOW_RUN_NAME: study.name, "study": study.name}
            run_id = str(self._client.create_run(self._experiment_id, tags=tags).info.run_id)
            settings = [Param(key, value) for key, value in study.settings.items()]
            self._client.log_batch(run_id, params=settings)
            if study.data is not None:
                self._client.log_inputs(run_id, [_input(study.data)])
        self._client.log_text(run_id, study.config_yaml, "study.yaml")
        return run_id

    def _adopt_children(self, finished: set[int]) -> set[int]:
        """Learn the runs that the study has from earlier, and close those whose trial was cut off.

        Returns:
            The numbers of the trials that are written down whole.
        """
        self._runs, self._front, self._open, self._superseded = {}, set(), set(), frozenset()
        written = set()
        for run in self._children(self._parent_id):
            number, run_id = int(run.data.tags["trial"]), run.info.run_id
            # What was cut off may have come again under its number.
            if number in finished and run.info.status != "KILLED":
                self._runs[number] = run_id
                if run.info.status in {"FINISHED", "FAILED"}:
                    written.add(number)
                if run.data.tags.get("outcome") == "front":
                    self._front.add(number)
            elif run.info.status == "RUNNING":
                self._cut_off(run_id)
        return written

    def _cut_off(self, run_id: str) -> None:
        self._client.set_tag(run_id, "outcome", "failed")
        self._client.set_tag(run_id, "reason", "cut off; the candidate comes again in a later trial")
        self._client.set_terminated(run_id, "KILLED")

    def _children(self, parent_id: str) -> Iterator[Run]:
        condition = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent_id}' and tags.trial != ''"
        token: str | None = None
        while True:
            page = self._client.search_runs([self._experiment_id], condition, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return


def _metrics(values: Mapping[str, float], step: int = 0) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, step) for name, value in values.items()]


def _input(data: DataRecord) -> DatasetInput:
    """The data as MLflow lists a run's inputs."""
    dataset = Dataset(
        name=data.name,
        digest=data.digest,
        source_type="task",
        source=json.dumps({"source": data.source}),
        schema=json.dumps({"text": "string", "label": list(data.labels)}),
        profile=json.dumps({"training_texts": data.n_train, "validation_texts": data.n_validation}),
    )
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, "training")])


def _flat(candidate: Candidate) -> dict[str, str]:
    """A candidate's choices as parameters: ``depth`` and, where all layers are alike, one size for all."""
    flat = {}
    for section in filter(None, candidate.model_dump(mode="json").values()):
        for name, value in section.items():
            alike = isinstance(value, list) and len(set(value)) == 1 and name != "layers"
            flat[name] = str(value[0] if alike else value)
    flat["depth"] = str(candidate.architecture.depth)
    return flat
