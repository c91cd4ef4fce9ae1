"""Setting up a study: everything that its configuration names is looked up and checked before any time is spent."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from results.records import DataRecord, StudyRecord
from search.compression.corpus import read_corpus
from search.config import StudyConfig
from search.devices.costs_cache import CostsCache
from search.devices.device import MeasurementError
from search.devices.loading import load_device
from search.devices.screen import Screen
from search.errors import UsageError
from search.files import digest
from search.models.backbones import Backbone, load_backbone
from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import resized
from search.reading import explain
from search.sampling.store import StudyStore
from search.study.workbench import Workbench
from search.tasks.task import N_TIMED_TEXTS
from search.tasks.unlabelled import read_unlabelled
from search.training.batches import EncodedSplit
from search.training.importance import orderings
from spaces import Corpus, Shape, Space, read_space
from trackers.tracker import Tracker

# What of the configuration a study's record has elsewhere, or must not tell.
ASIDE = ("name", "objectives", "budgets", "task", "trials", "time", "tracking")
TEXTS = "task's texts"


def set_up(config: StudyConfig, store: Path, tracker: Tracker) -> Workbench:
    """Look up everything that a configuration names.

    Args:
        config: The study.
        store: The folder of all studies, which share a cache of costs.
        tracker: Is told of everything.

    Raises:
        UsageError: Something can't be had, or doesn't fit the rest.
    """
    tracker.stage("loading the device, the backbone and the space")
    device = load_device(config.device)
    own = config.budgets.model_dump(exclude_none=True)
    config = config.model_copy(update={"budgets": device.budgets.model_copy(update=own)})
    backbone = load_backbone(config.backbone)
    load_space(config, backbone.shape)  # a faulty one is refused before the task is loaded
    tracker.stage("loading the task")
    task = config.task.load()
    tracker.stage(
        f"task {task.name}: {len(task.train)} training and {len(task.validation)} validation texts,"
        f" {len(task.labels)} labels"
    )
    if task.max_tokens > backbone.config.max_position_embeddings:
        raise UsageError(
            f"task.max_tokens is {task.max_tokens}, and backbone {backbone.name} reads at most"
            f" {backbone.config.max_position_embeddings} word pieces: lower it"
        )
    corpus, material = read_corpus(task, backbone.tokenizer)
    space = load_space(config, backbone.shape, corpus)
    unlabelled: list[str] = []
    if config.unlabelled is not None:
        # What is learnt from may not be what is tested on, not even without its labels.
        known = (*task.train.texts, *task.validation.texts, *task.test.texts)
        unlabelled = read_unlabelled(config.unlabelled, known)
    full = full_model(backbone, space, task.labels, config.seed)
    timed_texts = task.validation.sample(N_TIMED_TEXTS, seed=0).texts
    train = EncodedSplit(task.train, backbone.tokenizer, task.max_tokens)
    return Workbench(
        config=config,
        task=task,
        backbone=backbone,
        space=space,
        device=device,
        full=full,
        ordered=orderings(full, train, task.kind, seed=config.seed),
        train=train,
        validation=EncodedSplit(task.validation, backbone.tokenizer, task.max_tokens),
        unlabelled=tuple(unlabelled),
        timed_texts=timed_texts,
        material=material,
        costs=CostsCache(store / "costs"),
        screen=None if device.screen_after is None else Screen(device, timed_texts),
        tracker=tracker,
    )


def load_space(config: StudyConfig, shape: Shape, corpus: Corpus | None = None) -> Space:
    """The study's space; candidates that inherit their weights have no choice of training.

    Raises:
        UsageError: There is no such space, it can't be read, or it exceeds the backbone.
    """
    try:
        space = Space.load(config.space, shape, corpus)
        if config.strategy == "supernet":
            return Space.model_validate({**dict(space), "training": None})
    except ValidationError as error:
        raise UsageError(f"space {config.space}: {explain(error, Space)}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    if space.training is None:
        raise UsageError(f"space {config.space} has no section 'training', which strategy 'standalone' samples: add it")
    return space


def full_model(
    backbone: Backbone, space: Space, labels: tuple[str, ...], seed: int
) -> ElasticForSequenceClassification:
    """What candidates are cut from: the pretrained encoder, or the largest of the space, untrained."""
    if backbone.weights is None:
        model = backbone.new_model(resized(backbone.config, space.largest()), labels, seed)
    else:
        model = backbone.full_model(labels, seed)
    model.eval()
    return model


def check_budgets(bench: Workbench, store: StudyStore) -> None:
    """Refuse budgets that even the smallest candidate of the space breaks, before any time is spent.

    Raises:
        UsageError: No candidate can keep to the budgets.
    """
    budgets = bench.config.budgets.model_dump(exclude_none=True)
    if not budgets.keys() - {"score"} and "energy_mj" not in bench.config.objectives:
        return
    bench.tracker.stage("measuring the smallest candidate against the budgets")
    for quantisation in bench.space.compression.quantisation.values:
        candidate = bench.space.smallest(quantisation)
        model = bench.cut(candidate)
        with tempfile.TemporaryDirectory(dir=store.folder) as folder:
            bench.build(model, candidate, Path(folder))
            try:
                broken = bench.over_budget(bench.measure(model, candidate, Path(folder)).figures)
            except MeasurementError as error:
                raise UsageError(str(error)) from error
        if not broken:
            return
    raise UsageError(
        f"the budgets can't be met: the smallest candidate of space '{bench.config.space}', {candidate.label},"
        f" has {broken}; raise the budget, or take a space with smaller candidates"
    )


def inputs_of(bench: Workbench) -> dict[str, str]:
    """What the study's trials share, as fingerprints: when one changes, they no longer compare."""
    texts = json.dumps([[split.texts, split.labels] for split in (bench.task.train, bench.task.validation)])
    # As it is written: what its percentages come to changes with the texts, which are told of on their own.
    space = json.dumps([read_space(bench.config.space), dataclasses.asdict(bench.space.shape)])
    parts = {TEXTS: texts, "space": space, "device": bench.device.fingerprint}
    if bench.unlabelled:
        parts["unlabelled texts"] = json.dumps(bench.unlabelled)
    return {name: digest(part.encode()) for name, part in parts.items()}


def study_record(bench: Workbench, inputs: Mapping[str, str], n_baselines: int) -> StudyRecord:
    """The study as its trackers see it; ``inputs`` are those of ``inputs_of``."""
    config, task = bench.config, bench.task
    settings = config.model_dump(mode="json", exclude={*ASIDE})
    return StudyRecord(
        name=config.name,
        task=task.name,
        device=bench.device.name,
        n_trials=config.trials + n_baselines,
        time_limit_s=config.time,
        objectives=config.objectives,
        budgets=config.budgets.model_dump(exclude_none=True),
        settings={key: str(value) for key, value in settings.items() if value is not None},
        config_yaml=config.to_yaml(),
        data=DataRecord(
            name=task.name,
            digest=inputs[TEXTS][:16],
            source=task.source,
            labels=task.labels,
            n_train=len(task.train),
            n_validation=len(task.validation),
        ),
    )
