"""An artefact in onnxruntime, as a deployment would run it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


# Its source stands in the program of every bundle as it is, so that it names nothing else of this file.
class TextClassifier:
    """An artefact in onnxruntime: texts in, logits out.

    Args:
        folder: Holds ``model.onnx`` and ``tokenizer.json``.
        threads: Of one inference; 0 leaves the number to onnxruntime.
    """

    MODEL, TOKENIZER = "model.onnx", "tokenizer.json"

    def __init__(self, folder: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._tokenizer = Tokenizer.from_file(str(folder / self.TOKENIZER))
        self._session = onnxruntime.InferenceSession(
            str(folder / self.MODEL), options, providers=["CPUExecutionProvider"]
        )

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The (batch, labels) logits of a batch of texts, padded to its longest."""
        encodings = [self._tokenizer.encode(text) for text in texts]
        longest = max(len(encoding.ids) for encoding in encodings)
        input_ids = np.zeros((len(texts), longest), dtype=np.int64)
        attention_mask = np.zeros_like(input_ids)
        for row, encoding in enumerate(encodings):
            input_ids[row, : len(encoding.ids)] = encoding.ids
            attention_mask[row, : len(encoding.ids)] = 1
        (logits,) = self._session.run(None, {"input_ids": input_ids, "attention_mask": attention_mask})
        return np.asarray(logits)


MODEL, TOKENIZER = TextClassifier.MODEL, TextClassifier.TOKENIZER


def batches(texts: Sequence[str], batch_size: int) -> Iterator[Sequence[str]]:
    """Texts in batches of ``batch_size``, the last one perhaps smaller."""
    for start in range(0, len(texts), batch_size):
        yield texts[start : start + batch_size]
