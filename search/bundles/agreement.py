"""How far an artefact's answers are from its checkpoint's, and how far they may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from search.artifacts.scoring import artifact_logits
from search.models.checkpoint import load_checkpoint
from search.runtime.classifier import TOKENIZER
from search.tasks import Task
from spaces import Quantisation

# The two are compared on so many validation texts.
N_COMPARED_TEXTS = 256


@dataclass(frozen=True)
class Tolerance:
    """How far an artefact's answers may be off.

    Attributes:
        probability: From the checkpoint's: see ``disagreement``.
        score: From the recorded score.
    """

    probability: float
    score: float


# Int8 rounds, and rounds a little differently from processor to processor (saturation without VNNI). What it
# costs in score is no matter here: the recorded score is the artefact's own.
TOLERANCES: dict[Quantisation, Tolerance] = {
    "none": Tolerance(probability=1e-4, score=0.002),
    "dynamic-int8": Tolerance(probability=0.1, score=0.01),
    "static-int8": Tolerance(probability=0.1, score=0.01),
    "int4": Tolerance(probability=0.15, score=0.01),
}


def disagreement(folder: Path, task: Task, batch_size: int) -> float:
    """How far artefact and checkpoint answer apart, by the distance of the task's kind, averaged over texts.

    Args:
        folder: A bundle.
        task: Its validation split has the texts.
        batch_size: Texts of one inference of the artefact; the checkpoint reads them one by one.
    """
    texts = task.validation.sample(N_COMPARED_TEXTS, seed=0).texts
    model = load_checkpoint(folder)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    with torch.inference_mode():
        ids = [torch.tensor([tokenizer.encode(text).ids]) for text in texts]
        expected = np.concatenate([model(input_ids).logits.numpy() for input_ids in ids])
    answered = artifact_logits(folder, texts, batch_size)
    return float(task.kind.distance(answered, expected).mean())
