"""The measuring program: times an artefact as a deployment would run it.

It runs in a process of its own, on the device, with onnxruntime, numpy and tokenizers. It reads a request as JSON from
standard input, and prints a report as JSON.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import onnxruntime
import tokenizers

from search.runtime.classifier import TextClassifier, batches
from search.runtime.energy import energy_of
from search.runtime.machine import machine, memory, state, throttled
from search.runtime.report import Report, Versions
from search.runtime.request import YARDSTICK_TEXT, Request
from search.runtime.timing import timed


def main() -> None:
    """Answer a request; one measurement at a time where the request names a lock."""
    request = Request(**json.load(sys.stdin))
    if request.give_up_s:
        import signal

        signal.alarm(request.give_up_s)
    if request.lock:
        import fcntl

        with open(request.lock, "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            report = measure(request)
    else:
        report = measure(request)
    print(json.dumps(asdict(report)))


def measure(request: Request) -> Report:
    """Load the artefact of a request, time it, and report all that is known of it and of the machine."""
    if request.cores:
        os.sched_setaffinity(0, request.cores)  # type: ignore[attr-defined,unused-ignore]  # Linux alone
    runtime_mb, before = memory().peak_mb, state()
    started = time.perf_counter()
    classifier = TextClassifier(Path(request.folder), request.threads)
    load_ms = (time.perf_counter() - started) * 1e3
    requests = full_batches(request.texts, request.batch_size)
    logits = np.concatenate([classifier.logits(batch) for batch in requests])[: len(request.texts)]
    held = memory()  # before anything but the artefact is loaded
    yardstick = None
    if request.yardstick:
        yardstick = partial(TextClassifier(Path(request.yardstick), 1).logits, [YARDSTICK_TEXT])
    timing = timed(classifier.logits, requests, yardstick, request.time_limit_s)
    after = state()
    return Report(
        timing=timing,
        throughput_per_s=request.batch_size * 1e3 / timing.latency_ms,
        load_ms=load_ms,
        memory=held,
        runtime_mb=runtime_mb,
        energy=energy_of(lambda: sum(len(classifier.logits(batch)) for batch in requests), request.energy_command),
        throttled=throttled(before, after),
        state=after,
        machine=machine(),
        versions=Versions(platform.python_version(), onnxruntime.__version__, tokenizers.__version__),
        logits=logits.astype(float).tolist(),
        logits_sha256=hashlib.sha256(logits.astype("<f4").tobytes()).hexdigest(),
    )


def full_batches(texts: Sequence[str], batch_size: int) -> list[Sequence[str]]:
    """Full batches alone, over as many texts as it takes: a smaller one would be faster and pass for a full one."""
    n_batches = math.ceil(len(texts) / batch_size)
    return list(batches(list(islice(cycle(texts), n_batches * batch_size)), batch_size))
