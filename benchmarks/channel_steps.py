"""Whether round numbers of channels are faster: `python benchmarks/channel_steps.py`.

Times encoders of two layers whose FFN has about 512 channels, in turn, so that a slow moment meets all alike. Prints
how much the median differs from the line through all sizes, by what the number of channels can be divided by. A
default step of a space is worth its coarseness if what it skips is slower.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict

import numpy as np
import onnxruntime

from search.graphs.template import filled_graph
from search.models.assembling import elastic_config
from search.models.elastic import ElasticForSequenceClassification
from search.runtime.machine import machine
from spaces import Shape

SIZES = [449, 458, 467, 476, 484, 492, 500, 508, 456, 472, 488, 504, 464, 480, 496, 448, 512, 520, 528, 544, 560, 576]
SIZES += [521, 530, 539, 548, 556, 564, 572, 568, 552, 536]
DIVISORS = (64, 32, 16, 8, 4, 1)
ROUNDS, RUNS = 60, 10


def main() -> None:
    """Time, and print."""
    ids = np.random.default_rng(0).integers(1, 30000, (1, 12))
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    print(machine())
    for precision, int8 in (("fp32", False), ("int8", True)):
        sessions = {size: session_of(size, int8=int8) for size in sorted(SIZES)}
        times: dict[int, list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            for size, session in sessions.items():
                started = time.perf_counter()
                for _ in range(RUNS):
                    session.run(None, given)
                times[size].append((time.perf_counter() - started) / RUNS)
        medians = np.array([statistics.median(times[size]) for size in sessions])
        line = np.polyval(np.polyfit(list(sessions), medians, 1), list(sessions))
        off: dict[int, list[float]] = defaultdict(list)
        for size, share in zip(sessions, medians / line - 1, strict=True):
            off[next(divisor for divisor in DIVISORS if size % divisor == 0)].append(share)
        found = ", ".join(f"{divisor}: {statistics.mean(off[divisor]):+.1%}" for divisor in DIVISORS)
        print(f"{precision}, {1000 * medians.mean():.3f} ms on average; by the largest divisor: {found}", flush=True)


def session_of(ffn_size: int, *, int8: bool) -> onnxruntime.InferenceSession:
    """An encoder of so many FFN channels, ready to run on one thread."""
    shape = Shape(depth=2, heads=12, head_size=32, ffn_size=ffn_size, hidden_size=384)
    model = ElasticForSequenceClassification(elastic_config(shape)).eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    graph = filled_graph(model, int8=int8).SerializeToString()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
