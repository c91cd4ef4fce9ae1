"""The program of a bundle, which runs it with onnxruntime, tokenizers and numpy alone.

Its class is the measuring program's own, so that what is deployed is what was measured.
"""

from __future__ import annotations

import inspect

from search.runtime.classifier import TextClassifier

PROGRAM = '''\
"""Classifies texts with the model beside this file: `python run.py TEXT ...`, or a text a line on standard input.

Needs onnxruntime, tokenizers and numpy. From Python: ``from run import predict``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent


{classifier}

def predict(texts: Sequence[str], folder: Path = HERE, threads: int = 1) -> Iterator[tuple[str, float]]:
    """The label of each text, and its probability."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    classifier = TextClassifier(folder, threads)
    for text in texts:
        logits = classifier.logits([text])[0]
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        yield labels[int(logits.argmax())], float(probabilities.max())


class _Model:
    """What `mlflow.pyfunc` calls."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def predict(self, texts, params=None):
        rows = np.asarray(texts).ravel()
        return [{{"label": label, "probability": probability}} for label, probability in predict(rows, self._folder)]


def _load_pyfunc(folder: str) -> _Model:
    return _Model(Path(folder))


if __name__ == "__main__":
    given = sys.argv[1:] or [line.rstrip("\\n") for line in sys.stdin]
    for text, (label, probability) in zip(given, predict(given)):
        print(f"{{label}}  {{probability:.3f}}  {{text}}")
'''


def runner() -> str:
    """The program's text."""
    return PROGRAM.format(classifier=inspect.getsource(TextClassifier))
