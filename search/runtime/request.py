"""What the probe is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# The yardstick reads this, again and again.
YARDSTICK_TEXT = "the same ten words go through the yardstick every single time"


@dataclass(frozen=True)
class Request:
    """An artefact to measure, and how.

    Attributes:
        folder: Where the artefact is.
        texts: What it is timed on.
        threads: Of one inference.
        batch_size: Texts of one inference.
        time_limit_s: After this long a timing that is still noisy is reported as it is.
        yardstick: The folder of the artefact that is timed in turn with it.
        energy_command: Prints the joules that a meter has counted since some moment.
        cores: The numbers of the cores to run on; all where none are named. Linux alone.
        lock: A file that one measurement holds at a time. Not on Windows.
        give_up_s: After this long the process ends, because whoever asked may be gone. Not on Windows.
    """

    folder: str
    texts: Sequence[str]
    threads: int
    batch_size: int
    time_limit_s: float
    yardstick: str | None = None
    energy_command: str | None = None
    cores: Sequence[int] = ()
    lock: str | None = None
    give_up_s: int | None = None
