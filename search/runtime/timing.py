"""How long something takes, on a machine that is never quite quiet."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from search.runtime.classifier import batches
from search.runtime.report import Timing

MIN_ROUNDS = 6  # the fewest whose smallest and largest enclose the median with 95% confidence
MIN_S = 0.6  # so that a disturbance shorter than this is no more than a part of it
MAX_INTERVAL = 0.03  # half the interval's width, as a share of the median
YARDSTICK_AFTER, YARDSTICK_RUNS = 8, 3  # so many requests at most, and of so many runs the last counts


def timed(
    run: Callable[[Any], Any], requests: Sequence[Any], yardstick: Callable[[], Any] | None, time_limit_s: float
) -> Timing:
    """Time requests, in rounds until their median is steady or time is up.

    A round's latency is the median over its requests, so that the spread between rounds is noise alone and not the
    difference between short and long texts. Where there is a yardstick, it runs after every few requests, whose times
    are divided by the yardstick's beside them: what slows both down cancels out.

    Args:
        run: Answers a request.
        requests: What is answered in each round.
        yardstick: Does the same work each time.
        time_limit_s: No round begins after this long.
    """
    for request in requests:
        run(request)  # to warm up
    rounds = list[_Round]()
    started = time.perf_counter()
    while True:
        rounds.append(_round(run, requests, yardstick))
        divided = [one.divided for one in rounds]
        low, high = median_interval(divided)
        median = statistics.median(divided)
        steady = len(rounds) >= MIN_ROUNDS and (high - low) / 2 <= MAX_INTERVAL * median
        seconds = time.perf_counter() - started
        if seconds > time_limit_s or (steady and seconds > MIN_S):
            break
    yardstick_ms = statistics.median([taken for one in rounds for taken in one.yardstick_ms])
    p95, p99 = np.percentile([latency for one in rounds for latency in one.latency_ms], (95, 99))
    return Timing(
        latency_ms=median * yardstick_ms,
        latency_low_ms=low * yardstick_ms,
        latency_high_ms=high * yardstick_ms,
        latency_p95_ms=float(p95),
        latency_p99_ms=float(p99),
        undivided_ms=statistics.median(statistics.median(one.latency_ms) for one in rounds),
        steady=steady,
        yardstick_ms=None if yardstick is None else yardstick_ms,
    )


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """A 95% confidence interval of the median, from order statistics.

    It assumes no distribution, which timings would not obey (Le Boudec, Performance Evaluation of Computer
    and Communication Systems, 2010, theorem 2.1).
    """
    ordered, n = sorted(values), len(values)
    rank = max(0, math.floor((n - 1.96 * math.sqrt(n)) / 2) - 1)
    return ordered[rank], ordered[n - 1 - rank]


class _Round(NamedTuple):
    """Every request once.

    Attributes:
        latency_ms: Of each request, as it was timed.
        yardstick_ms: What the yardstick took, once for every few requests; 1 where there is none.
        divided: The median latency, where each is divided by what the yardstick took beside it.
    """

    latency_ms: list[float]
    yardstick_ms: list[float]
    divided: float


def _round(run: Callable[[Any], Any], requests: Sequence[Any], yardstick: Callable[[], Any] | None) -> _Round:
    latency_ms, yardstick_ms, divided = list[float](), list[float](), list[float]()
    for few in batches(requests, YARDSTICK_AFTER):
        times = [_milliseconds(partial(run, request)) for request in few]
        beside = 1.0 if yardstick is None else _last_of_several(yardstick)
        latency_ms += times
        yardstick_ms.append(beside)
        divided += [latency / beside for latency in times]
    return _Round(latency_ms, yardstick_ms, statistics.median(divided))


def _last_of_several(yardstick: Callable[[], Any]) -> float:
    """What the yardstick takes once its first run has brought its weights back to the cache.

    A candidate's first request does the same, but is one of a few.
    """
    return [_milliseconds(yardstick) for _ in range(YARDSTICK_RUNS)][-1]


def _milliseconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3
