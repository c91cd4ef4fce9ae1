"""What compressions and their choices need to know of a task."""

from __future__ import annotations

import numpy as np
from transformers import PreTrainedTokenizerBase

from search.compression.step import Material
from search.compression.vocabulary import pieces_by_need
from search.tasks import Task
from spaces import Corpus

# Activations are calibrated by so many training texts.
N_CALIBRATION_TEXTS = 64


def read_corpus(task: Task, tokenizer: PreTrainedTokenizerBase) -> tuple[Corpus, Material]:
    """A task's training texts as a tokenizer sees them, for a space's choices and for the steps that they lead to."""
    texts = tokenizer(list(task.train.texts))["input_ids"]
    pieces, needed = pieces_by_need(tokenizer, texts)
    percentiles = np.percentile([len(ids) for ids in texts], range(101), method="higher")
    corpus = Corpus(vocabulary=len(pieces), needed=needed, lengths=tuple(int(length) for length in percentiles))
    return corpus, Material(pieces=pieces, texts=task.train.sample(N_CALIBRATION_TEXTS, seed=0).texts)
