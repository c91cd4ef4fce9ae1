"""The trackers, and what each promises."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from rich.console import Console

from tests.contracts.trackers import ResumingTracker, SilentTracker, Subject, TellingTracker
from tests.ports import free_port
from tests.results.test_records import a_study
from tests.servers import running_mlflow, running_postgresql
from trackers.console import ConsoleTracker
from trackers.mlflow.store import embedded_uri
from trackers.mlflow.tracker import MlflowTracker
from trackers.outbox import Outbox
from trackers.tracker import Tracker, Trackers


def console_subject(*, terminal: bool) -> Subject:
    """The trackers of a study print one below the other, each study on a screen of its own."""
    file = io.StringIO()

    def make() -> Tracker:
        return ConsoleTracker(Console(file=file, width=200, force_terminal=terminal, color_system=None))

    def read(study: str) -> str:
        text = file.getvalue()
        file.seek(0)
        file.truncate()
        return text

    return Subject(make, read)


def mlflow_subject(store: Path, uri: str | None = None) -> Subject:
    """The runs of a study, as MLflow's own client reads them."""

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


class TestConsole(TellingTracker, ResumingTracker):
    @pytest.fixture(scope="class")
    def subject(self) -> Subject:
        return console_subject(terminal=False)


class TestTerminal(TellingTracker, ResumingTracker):
    @pytest.fixture(scope="class")
    def subject(self) -> Subject:
        return console_subject(terminal=True)


class TestOutboxOfAnEmbeddedStore(TellingTracker, ResumingTracker):
    @pytest.fixture(scope="class")
    def subject(self, tmp_path_factory: pytest.TempPathFactory) -> Subject:
        inner = mlflow_subject(tmp_path_factory.mktemp("store"))
        return Subject(lambda: Outbox(inner.make(), lambda error: False, print), inner.read)


class TestServer(TellingTracker, ResumingTracker):
    @pytest.fixture(scope="class")
    def subject(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
        folder = tmp_path_factory.mktemp("store")
        with running_mlflow(folder / "server", free_port()) as address:
            yield mlflow_subject(folder, address)


class TestPostgresql(TellingTracker, ResumingTracker):
    @pytest.fixture(scope="class")
    def subject(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
        with running_postgresql() as address:
            yield mlflow_subject(tmp_path_factory.mktemp("store"), address)


class TestBothAtOnce(TellingTracker, ResumingTracker):
    @pytest.fixture(scope="class", params=["one", "other"])
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        """Two trackers, of which one is read."""
        one, other = console_subject(terminal=False), console_subject(terminal=True)
        read = {"one": one, "other": other}[request.param].read
        return Subject(lambda: Trackers([one.make(), other.make()]), read)


class TestNobody(SilentTracker):
    @pytest.fixture(scope="class", params=[Tracker, lambda: Trackers([])], ids=["silent", "none"])
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        return Subject(request.param, lambda study: "")
