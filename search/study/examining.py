"""Examining: how well an artefact does its task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from search.artifacts.scoring import artifact_answers, score_artifact
from search.compression.vocabulary import unknown_rate
from search.runtime.classifier import TOKENIZER
from search.tasks import Task
from spaces import Candidate


@dataclass(frozen=True, kw_only=True)
class Examiner:
    """Scores artefacts.

    Attributes:
        task: Has the texts and the metric.
        batch_size: Texts of one inference, as the device runs them.
    """

    task: Task
    batch_size: int

    def score(self, folder: Path) -> float:
        """The validation score of the artefact in a folder."""
        return score_artifact(folder, self.task, self.task.validation, self.batch_size)

    def answers_to_the_test(self, folder: Path) -> np.ndarray:
        """The (texts,) answers of the artefact in a folder to the test split, for the report on a winner alone."""
        return artifact_answers(folder, self.task, self.task.test, self.batch_size)

    def unknown_rate(self, candidate: Candidate, folder: Path) -> float | None:
        """The share of unknown word pieces in the validation texts, where the artefact's vocabulary is trimmed."""
        if candidate.compression.vocabulary is None:
            return None
        return unknown_rate(Tokenizer.from_file(str(folder / TOKENIZER)), self.task.validation.texts)
