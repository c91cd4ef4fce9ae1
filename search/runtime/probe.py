"""The measuring program: times an artefact as a deployment would run it.

One file, which is copied to the device and run by path in a process of its own. It needs onnxruntime, numpy and
tokenizers, and works with Python 3.9. It reads a request as JSON from standard input and prints a report as JSON:

    {"folder": ..., "texts": [...], "threads": 1, "batch_size": 1, "time_limit_s": 2}

Further keys: ``reference`` (the folder of an artefact that is timed in turn with it), ``cores`` (to run on),
``lock`` (a file that one measurement holds at a time), ``give_up_s``, ``energy_command`` (see ``energy_of``).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import tokenizers
from tokenizers import Tokenizer

MIN_ROUNDS = 6  # the fewest whose smallest and largest enclose the median with 95% confidence
MIN_S = 0.6  # so that a disturbance shorter than this is no more than a part of it
MAX_INTERVAL = 0.03  # half the interval's width, as a share of the median
REFERENCE_AFTER, REFERENCE_RUNS = 8, 3  # so many requests at most, and of so many runs the last counts
ENERGY_S = (1.0, 5.0)  # how long an artefact runs for its energy to be read, and once more if nothing is seen
REFERENCE_TEXT = "the same ten words go through the reference every single time"

SYSTEM = Path("/sys")


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


def memory_mb() -> dict[str, float]:
    """The physical memory of this process in MB of 10^6 bytes, as far as the system tells.

    ``memory_mb`` is the most that it has held; ``pss_mb`` shares what it has in common with others among them, and
    ``uss_mb`` is its own alone, both as of now.
    """
    if sys.platform == "linux":
        # Not ru_maxrss: it survives exec, so that a child of a large process would report its parent's memory.
        held = {"memory_mb": _kilobytes("/proc/self/status")["VmHWM"] * 1024 / 1e6}
        try:
            now = _kilobytes("/proc/self/smaps_rollup")
        except OSError:  # before Linux 4.14
            return held
        own = now["Private_Clean"] + now["Private_Dirty"]
        return {**held, "pss_mb": now["Pss"] * 1024 / 1e6, "uss_mb": own * 1024 / 1e6}
    if sys.platform == "win32":
        import psutil

        full = psutil.Process().memory_full_info()
        return {"memory_mb": full.peak_wset / 1e6, "uss_mb": full.uss / 1e6}
    import resource

    return {"memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


def _kilobytes(path: str) -> dict[str, int]:
    lines = (line.split() for line in Path(path).read_text(encoding="ascii", errors="replace").splitlines())
    return {line[0].rstrip(":"): int(line[1]) for line in lines if line[-1] == "kB"}


def machine() -> str:
    """The processor, its cores and the system, for the record."""
    name = platform.processor() or platform.machine()
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
        name = (_text(Path("/proc/device-tree/model")) or name).strip("\0")  # which names the board on ARM
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def state(system: Path = SYSTEM) -> dict[str, Any]:
    """What the system tells of its processor's speed: governor, temperature, and how often heat has slowed it."""
    cpu = system / "devices/system/cpu"
    throttled = [_number(path) for path in cpu.glob("cpu*/thermal_throttle/core_throttle_count")]
    temperatures = [_number(path) for path in (system / "class/thermal").glob("thermal_zone*/temp")]
    told = {
        "governor": _text(cpu / "cpu0/cpufreq/scaling_governor"),
        "celsius": max((t / 1000 for t in temperatures if t is not None), default=None),
        "throttle_count": sum(count for count in throttled if count is not None) if throttled else None,
        "throttled_flags": _text(system / "devices/platform/soc/soc:firmware/get_throttled"),  # of a Raspberry Pi
    }
    return {name: value for name, value in told.items() if value is not None}


def slowed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, bool]:
    """Whether heat slowed the processor down between two states; empty where the system doesn't tell."""
    if "throttle_count" in after:
        return {"throttled": after["throttle_count"] > before["throttle_count"]}
    if "throttled_flags" in after:
        # Bits 1 to 3: the clock is capped, throttled or limited by temperature now (Raspberry Pi documentation).
        return {"throttled": bool(int(after["throttled_flags"], 16) & 0b1110)}
    return {}


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _number(path: Path) -> float | None:
    text = _text(path)
    return float(text) if text and text.lstrip("-").isdigit() else None


def energy_of(run: Callable[[], int], command: str | None, system: Path = SYSTEM) -> dict[str, Any]:
    """Millijoules of one text, of all that the meter sees, while nothing else runs; empty without a meter.

    The meter is the user's command, or else the counters of the processor's packages, which are called RAPL (Linux
    kernel documentation, power/powercap).

    Args:
        run: Answers some texts, and says how many.
        command: Prints joules since some moment.
        system: Where the counters are.
    """
    zones = (system / "class/powercap").glob("intel-rapl:?")
    packages = [zone / "energy_uj" for zone in zones if (_text(zone / "name") or "").startswith("package")]
    if command:
        source, joules = "energy_command", lambda: _told(command)
    elif packages and all(_number(path) is not None for path in packages):
        source, joules = "rapl", lambda: sum(_number(path) or 0.0 for path in packages) / 1e6
    else:
        return {}
    for seconds in ENERGY_S:
        n, before, deadline = 0, joules(), time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            n += run()
        used = joules() - before
        if used > 0:  # a counter may have wrapped around, or be too coarse
            return {"energy_mj": used * 1e3 / n, "energy_source": source}
    return {}


def _told(command: str) -> float:
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    try:
        return float(answer.stdout)
    except ValueError:
        said = (answer.stderr or answer.stdout).strip().splitlines() or ["nothing"]
        raise SystemExit(f"energy_command has to print joules as a number, and said: {said[-1]}") from None


def timed(
    run: Callable[[Any], Any], requests: Sequence[Any], reference: Callable[[], Any] | None, time_limit_s: float
) -> dict[str, Any]:
    """Time requests, in rounds until their median is steady or time is up.

    A round's latency is the median over its requests, so that the spread between rounds is noise alone and not the
    difference between short and long texts. Where there is a reference, it runs after every few requests, whose times
    are divided by the reference's beside them: what slows both down cancels out.
    """
    for request in requests:
        run(request)  # to warm up
    every, beside, rounds, undivided = list[float](), list[float](), list[float](), list[float]()
    started = time.perf_counter()
    while True:
        latencies, relative = list[float](), list[float]()
        for few in batches(requests, REFERENCE_AFTER):
            times = [_milliseconds(partial(run, request)) for request in few]
            latencies += times
            if reference is not None:
                # The first brings its weights back to the cache; a candidate's first does the same, one of a few.
                beside.append([_milliseconds(reference) for _ in range(REFERENCE_RUNS)][-1])
                relative += [latency / beside[-1] for latency in times]
        every += latencies
        undivided.append(statistics.median(latencies))
        rounds.append(statistics.median(relative) if relative else undivided[-1])
        low, high = median_interval(rounds)
        median = statistics.median(rounds)
        steady = len(rounds) >= MIN_ROUNDS and (high - low) / 2 <= MAX_INTERVAL * median
        seconds = time.perf_counter() - started
        if seconds > time_limit_s or (steady and seconds > MIN_S):
            break
    p95, p99 = np.percentile(every, (95, 99))
    reference_ms = statistics.median(beside) if beside else 1.0
    return {
        "latency_ms": median * reference_ms,
        "latency_low_ms": low * reference_ms,
        "latency_high_ms": high * reference_ms,
        "latency_p95_ms": float(p95),
        "latency_p99_ms": float(p99),
        "undivided_ms": statistics.median(undivided),
        "steady": steady,
        **({"reference_ms": reference_ms} if beside else {}),
    }


def _milliseconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3


def measure(request: dict[str, Any]) -> dict[str, Any]:
    """Load the artefact of a request, time it, and report all that is known of it and of the machine."""
    if request.get("cores"):
        os.sched_setaffinity(0, request["cores"])  # type: ignore[attr-defined,unused-ignore]  # Linux alone
    texts, threads, batch_size = request["texts"], request["threads"], request["batch_size"]
    runtime_mb, before = memory_mb()["memory_mb"], state()
    started = time.perf_counter()
    classifier = TextClassifier(Path(request["folder"]), threads)
    load_ms = (time.perf_counter() - started) * 1e3
    # Full batches alone, over as many texts as it takes: a smaller one would be faster and pass for a full one.
    n_batches = math.ceil(len(texts) / batch_size)
    requests = list(batches(list(islice(cycle(texts), n_batches * batch_size)), batch_size))
    logits = np.concatenate([classifier.logits(batch) for batch in requests])[: len(texts)]
    held = memory_mb()  # before anything but the artefact is loaded
    reference = None
    if request.get("reference"):
        reference = partial(TextClassifier(Path(request["reference"]), 1).logits, [REFERENCE_TEXT])
    timing = timed(classifier.logits, requests, reference, request["time_limit_s"])
    after = state()
    return {
        **timing,
        **held,
        **slowed(before, after),
        **energy_of(lambda: sum(len(classifier.logits(batch)) for batch in requests), request.get("energy_command")),
        "throughput_per_s": batch_size * 1e3 / timing["latency_ms"],
        "load_ms": load_ms,
        "runtime_mb": runtime_mb,
        "machine": machine(),
        "state": after,
        "versions": {
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
            "tokenizers": tokenizers.__version__,
        },
        "logits": logits.astype(float).tolist(),
        "logits_sha256": hashlib.sha256(logits.astype("<f4").tobytes()).hexdigest(),
    }


def main() -> None:
    """Answer a request; one measurement at a time where the request names a lock."""
    request = json.load(sys.stdin)
    if request.get("give_up_s"):
        import signal

        signal.alarm(request["give_up_s"])  # whoever asked may be gone
    if request.get("lock"):
        import fcntl

        with open(request["lock"], "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            print(json.dumps(measure(request)))
    else:
        print(json.dumps(measure(request)))


if __name__ == "__main__":
    main()
