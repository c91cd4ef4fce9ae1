"""The measuring program: times an artefact as a deployment would run it.

It is run by path in a process of its own, and imports what a deployment would import and nothing else:
onnxruntime, numpy, the tokenizer, and psutil to read the process's memory. It reads a request as JSON from
standard input and prints a report as JSON:

    {"folder": ..., "texts": [...], "threads": 1, "batch_size": 1, "time_limit_s": 10}
"""

from __future__ import annotations

import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import psutil
from tokenizers import Tokenizer

WARM_UP_ROUNDS = 2
MIN_ROUNDS = 6  # the fewest whose smallest and largest enclose the median with 95% confidence
MAX_INTERVAL = 0.03  # half the interval's width, as a share of the median


class TextClassifier:
    """An artefact in onnxruntime: texts in, logits out.

    Args:
        folder: Holds ``model.onnx`` and ``tokenizer.json``.
        threads: Of one inference; 0 leaves the number to onnxruntime.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
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


def batches(texts: Sequence[str], batch_size: int) -> Iterator[Sequence[str]]:
    """Texts in batches of ``batch_size``, the last one perhaps smaller."""
    for start in range(0, len(texts), batch_size):
        yield texts[start : start + batch_size]


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """A 95% confidence interval of the median, from order statistics.

    It assumes no distribution, which timings would not obey (Le Boudec, Performance Evaluation of Computer
    and Communication Systems, 2010, theorem 2.1).
    """
    ordered, n = sorted(values), len(values)
    rank = max(0, math.floor((n - 1.96 * math.sqrt(n)) / 2) - 1)
    return ordered[rank], ordered[n - 1 - rank]


def peak_memory_mb() -> float:
    """The most physical memory that this process has held, in MB of 10^6 bytes."""
    if sys.platform == "linux":
        # Not ru_maxrss: it survives exec, so that a child of a large process would report its parent's memory.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def machine() -> str:
    """The processor, its cores and the system, for the record."""
    name = platform.processor() or platform.machine()
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model")):  # the latter names the board on ARM
                name = line.partition(":")[2].strip()
    return f"{name}, {psutil.cpu_count()} cores, {platform.system()} {platform.machine()}"


def measure(request: dict[str, Any]) -> dict[str, Any]:
    """Load the artefact of a request and time it, round after round of all texts, until the median is steady.

    A round's latency is the median over its texts, so that the spread between rounds is noise alone and not
    the difference between short and long texts.
    """
    folder, texts = Path(request["folder"]), request["texts"]
    started = time.perf_counter()
    classifier = TextClassifier(folder, request["threads"])
    load_ms = (time.perf_counter() - started) * 1e3
    # Full batches alone, over as many texts as it takes: a smaller one would be faster and pass for a full one.
    batch_size = request["batch_size"]
    n_batches = math.ceil(len(texts) / batch_size)
    requests = list(batches(list(islice(cycle(texts), n_batches * batch_size)), batch_size))
    for _ in range(WARM_UP_ROUNDS):
        for batch in requests:
            classifier.logits(batch)
    every, rounds = [], []
    deadline = time.perf_counter() + request["time_limit_s"]
    while True:
        latencies = []
        for batch in requests:
            started = time.perf_counter()
            classifier.logits(batch)
            latencies.append((time.perf_counter() - started) * 1e3)
        every += latencies
        rounds.append(statistics.median(latencies))
        low, high = median_interval(rounds)
        median = statistics.median(rounds)
        steady = len(rounds) >= MIN_ROUNDS and (high - low) / 2 <= MAX_INTERVAL * median
        if steady or time.perf_counter() > deadline:
            break
    return {
        "latency_ms": median,
        "latency_p95_ms": float(np.percentile(every, 95)),
        "latency_low_ms": low,
        "latency_high_ms": high,
        "steady": steady,
        "load_ms": load_ms,
        "memory_mb": peak_memory_mb(),
        "machine": machine(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(json.load(sys.stdin))))
