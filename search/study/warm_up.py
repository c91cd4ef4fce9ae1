"""Warm-up: the super-network of a study is trained once, and taken from the store ever after."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna

from results.records import WarmUp
from search.errors import UsageError
from search.files import digest, sha256_of, whole_folder
from search.models.elastic import ElasticForSequenceClassification
from search.study.job import Stage, Tell
from search.study.workbench import Workbench
from search.training import super_network
from search.training.fine_tuning import evaluate
from search.training.optimisation import Progress
from spaces import Architecture, CompressionChoices

MODEL_FILES, RECIPE = ("config.json", "model.safetensors"), "recipe.json"
# Studies share the super-networks, which lie in this folder.
SUPER_NETWORKS = "super-networks"
# A change of code that changes the weights counts the version of the recipe up.
RECIPE_VERSION = 2
FP32 = CompressionChoices.model_validate({"quantisation": "none"})


def warm_up(bench: Workbench, tell: Tell) -> tuple[ElasticForSequenceClassification, WarmUp]:
    """The study's super-network: an earlier one of the same recipe, or a new one.

    Args:
        bench: What the study's trials share; its pretrained encoder is what a new one is trained from.
        tell: Hears how far the training is.

    Raises:
        UsageError: What is kept for the recipe isn't what was made by it.
    """
    recipe = recipe_of(bench)
    place = _place(bench, recipe)
    if not place.exists():
        _train(bench, recipe, place, tell)
        return load(place, recipe, reused=False)
    tell(Stage(f"taking the super-network from {place}"))
    return load(place, recipe, reused=True)


def kept(bench: Workbench) -> tuple[ElasticForSequenceClassification, WarmUp]:
    """The study's super-network, which has to be there.

    Raises:
        UsageError: It isn't.
    """
    recipe = recipe_of(bench)
    place = _place(bench, recipe)
    if not place.exists():
        raise UsageError(
            f"the study's super-network {place} is gone: `bertailor search` with the study trains it again"
        )
    return load(place, recipe, reused=True)


def recipe_of(bench: Workbench) -> dict[str, Any]:
    """All that decides a super-network's weights, large parts by their digests."""
    weights = bench.backbone.weights or {}
    return {
        "version": RECIPE_VERSION,
        "backbone": {
            "config": bench.backbone.config.to_dict(),
            "tokenizer": digest(bench.backbone.tokenizer.backend_tokenizer.to_str()),
            "weights": digest({name: digest(weight.numpy().tobytes()) for name, weight in weights.items()}),
        },
        "texts": digest([bench.task.train.texts, bench.task.train.labels, bench.task.max_tokens]),
        "labels": bench.task.labels,
        "sizes": bench.space.architecture.model_dump(mode="json"),
        "epochs": bench.config.warm_up_epochs,
        "importance": bench.config.importance,
        "alone": super_network.ALONE.model_dump(),
        "together": super_network.TOGETHER.model_dump(),
        "seed": bench.config.seed,
    }


def load(place: Path, recipe: Mapping[str, Any], *, reused: bool) -> tuple[ElasticForSequenceClassification, WarmUp]:
    """A super-network that was kept, and how it came to be.

    Raises:
        UsageError: It isn't whole, or isn't what its recipe makes.
    """
    try:
        known = json.loads((place / RECIPE).read_text(encoding="utf-8"))
        fits = known["recipe"] == json.loads(json.dumps(recipe)) and known["files"] == _digests(place)
        story = WarmUp(**{**known["story"], "reused": reused})
    except (OSError, ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise UsageError(
            f"the super-network kept in {place} is not what this study would train, because its files were changed:"
            " delete the folder, and it is trained again"
        )
    return ElasticForSequenceClassification.from_pretrained(place).eval(), story


def _place(bench: Workbench, recipe: Mapping[str, Any]) -> Path:
    return bench.store / SUPER_NETWORKS / digest(recipe)[:16]


def _train(bench: Workbench, recipe: Mapping[str, Any], place: Path, tell: Tell) -> None:
    started = time.perf_counter()
    curves: list[tuple[int, dict[str, float]]] = []
    model = copy.deepcopy(bench.pretrained)

    def on_report(phase: str, progress: Progress) -> None:
        metrics, said = {f"{phase}_loss": progress.train_loss}, f"loss {progress.train_loss:.4f}"
        if progress.epochs.is_integer():  # reading the whole validation split takes a while
            metrics["full_size_score"] = evaluate(model, bench.task, bench.validation)
            said += f", full-size score {metrics['full_size_score']:.4f}"
        curves.append((progress.step, metrics))
        tell(Stage(f"warm-up, {phase}: {progress.epochs:.2f} epochs, {said}"))

    tell(Stage("warming up the super-network"))
    super_network.train_super_network(
        model,
        bench.train,
        bench.task.kind,
        bench.config.warm_up_epochs,
        bench.space.smallest().architecture,
        _Drawing(bench).architecture,
        importance=bench.config.importance,
        seed=bench.config.seed,
        on_report=on_report,
    )
    story = WarmUp(
        curves=curves,
        score=curves[-1][1]["full_size_score"],
        seconds=time.perf_counter() - started,
        settings={key: str(recipe[key]) for key in ("epochs", "importance", "alone", "together", "seed")},
    )
    with whole_folder(place) as whole:
        model.save_pretrained(whole)
        known = {"recipe": recipe, "files": _digests(whole), "story": asdict(story)}
        (whole / RECIPE).write_text(json.dumps(known), encoding="utf-8")


class _Drawing:
    """Draws architectures of a study's space at random."""

    def __init__(self, bench: Workbench) -> None:
        # The space is left one compression, so that the others make no difference to what is drawn.
        self._space = bench.space.model_copy(update={"compression": FP32})
        self._study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=bench.config.seed))

    def architecture(self) -> Architecture:
        """Another one at every call."""
        return self._space.sample(self._study.ask()).architecture


def _digests(place: Path) -> dict[str, str]:
    return {name: sha256_of(place / name) for name in MODEL_FILES}
