"""The score of an artefact: the task's metric of what the deployed file answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from search.runtime.classifier import TextClassifier, batches
from search.tasks import Split, Task


def artifact_logits(folder: Path, texts: Sequence[str], batch_size: int) -> np.ndarray:
    """The (texts, labels) logits of an artefact, in the batches that its device would run.

    The batches matter: dynamic quantisation scales a batch's activations together, so a text's logits depend
    on its neighbours.
    """
    classifier = TextClassifier(folder, threads=0)
    return np.concatenate([classifier.logits(batch) for batch in batches(texts, batch_size)])


def artifact_answers(folder: Path, task: Task, split: Split, batch_size: int) -> np.ndarray:
    """What an artefact predicts for the texts of a split, as the task's kind has it."""
    return task.kind.predict(artifact_logits(folder, split.texts, batch_size))


def score_artifact(folder: Path, task: Task, split: Split, batch_size: int) -> float:
    """The task's metric of an artefact on a split."""
    return task.score(split.labels, artifact_answers(folder, task, split, batch_size).tolist())
