"""The program of a bundle, which runs it with onnxruntime, tokenizers and numpy alone.

Its class is the measuring program's own, so that what is deployed is what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import getsource
from typing import Any

from search.runtime.classifier import TextClassifier
from search.tasks.kinds import Kind

PROGRAM = '''\
"""Classifies texts with the model beside this file: `python run.py TEXT ...`, or a text a line on standard input.

Needs onnxruntime, tokenizers and numpy. From Python: ``from run import predict``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent


{classifier}

{answer}

{in_a_line}

def predict(texts: Sequence[str], folder: Path = HERE, threads: int = 1) -> Iterator[dict[str, Any]]:
    """What is answered to each text."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    classifier = TextClassifier(folder, threads)
    for text in texts:
        yield answer(classifier.logits([text])[0], labels)


class _Model:
    """What `mlflow.pyfunc` calls."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def predict(self, texts, params=None):
        return list(predict(np.asarray(texts).ravel(), self._folder))


def _load_pyfunc(folder: str) -> _Model:
    return _Model(Path(folder))


if __name__ == "__main__":
    given = sys.argv[1:] or [line.rstrip("\\n") for line in sys.stdin]
    for text, answered in zip(given, predict(given)):
        print(f"{{in_a_line(answered)}}  {{text}}")
'''


def in_a_line(answer: Mapping[str, Any]) -> str:
    """What is answered to a text, as a console shows it."""
    return "  ".join(f"{part:.3f}" if isinstance(part, float) else str(part) for part in answer.values())


def runner(kind: Kind) -> str:
    """The program's text, for a kind of task."""
    return PROGRAM.format(
        classifier=getsource(TextClassifier), answer=getsource(kind.answer), in_a_line=getsource(in_a_line)
    )
