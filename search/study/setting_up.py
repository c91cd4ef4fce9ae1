"""Setting up a study: everything that its configuration names is looked up and checked before any time is spent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from search.compression.corpus import read_corpus
from search.config import StudyConfig
from search.devices.costs_cache import CostsCache
from search.devices.loading import load_device
from search.devices.screen import Screen
from search.errors import UsageError
from search.models.backbones import Backbone, load_backbone
from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import resized
from search.reading import explain
from search.study.examining import Examiner
from search.study.making import Maker
from search.study.metering import Meter
from search.study.strategies import strategy_of
from search.study.training import Trainer
from search.study.workbench import Workbench
from search.tasks import Task
from search.tasks.task import N_TIMED_TEXTS
from search.tasks.unlabelled import read_unlabelled
from search.training.batches import EncodedSplit
from spaces import Corpus, Shape, Space
from spaces.baselines import entrants_of


def set_up(config: StudyConfig, store: Path, say: Callable[[str], None] = lambda text: None) -> Workbench:
    """Look up everything that a configuration names.

    Args:
        config: The study.
        store: The folder of all studies, which share a cache of costs.
        say: Is told what is being loaded.

    Raises:
        UsageError: Something can't be had, or doesn't fit the rest.
    """
    say("loading the device, the backbone and the space")
    device = load_device(config.device)
    budgets = device.budgets.model_copy(update=config.budgets.limits)
    config = config.model_copy(update={"budgets": budgets})
    backbone = load_backbone(config.backbone)
    load_space(config, backbone.shape)  # a faulty one is refused before the task is loaded
    say("loading the task")
    task = config.task.load()
    say(
        f"task {task.name}: {len(task.train)} training and {len(task.validation)} validation texts,"
        f" {len(task.labels)} labels"
    )
    _check_length(task, backbone)
    corpus, material = read_corpus(task, backbone.tokenizer)
    space = load_space(config, backbone.shape, corpus)
    validation = EncodedSplit(task.validation, backbone.tokenizer, task.max_tokens)
    timed_texts = task.validation.sample(N_TIMED_TEXTS, seed=0).texts
    return Workbench(
        config=config,
        store=store,
        task=task,
        backbone=backbone,
        pretrained=full_model(backbone, space, task.labels, config.seed),
        space=space,
        entrants=entrants_of(space),
        device=device,
        train=EncodedSplit(task.train, backbone.tokenizer, task.max_tokens),
        validation=validation,
        unlabelled=_unlabelled(config, task),
        maker=Maker(tokenizer=backbone.tokenizer, max_tokens=task.max_tokens, material=material),
        meter=Meter(
            device=device,
            texts=timed_texts,
            cache=CostsCache(store / "costs"),
            figures=frozenset({*config.objectives, *budgets.limits} - {"score"}),
        ),
        examiner=Examiner(task=task, batch_size=device.batch_size),
        trainer=Trainer(task=task, validation=validation, objectives=config.objectives, seed=config.seed),
        screen=None if device.screen_after is None else Screen(device, timed_texts),
    )


def load_space(config: StudyConfig, shape: Shape, corpus: Corpus | None = None) -> Space:
    """The study's space, as far as its strategy offers it.

    Raises:
        UsageError: There is no such space, it can't be read, it exceeds the backbone, or it lacks what the strategy
            samples.
    """
    try:
        return strategy_of(config).offered(Space.load(config.space, shape, corpus))
    except ValidationError as error:
        raise UsageError(f"space {config.space}: {explain(error, Space)}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error


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


def _check_length(task: Task, backbone: Backbone) -> None:
    longest = backbone.config.max_position_embeddings
    if task.max_tokens > longest:
        raise UsageError(
            f"task.max_tokens is {task.max_tokens}, and backbone {backbone.name} reads at most {longest} word pieces:"
            " lower it"
        )


def _unlabelled(config: StudyConfig, task: Task) -> tuple[str, ...]:
    """The texts without labels that a study learns from too."""
    if config.unlabelled is None:
        return ()
    # What is learnt from may not be what is tested on, not even without its labels.
    known = (*task.train.texts, *task.validation.texts, *task.test.texts)
    return tuple(read_unlabelled(config.unlabelled, known))
