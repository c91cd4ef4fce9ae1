"""An outbox before a tracker whose server may be away: what can't be sent is kept, and sent later in its order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from results.choosing import Ending, Standing
from results.records import StudyRecord, TrialRecord, WarmUp
from trackers.tracker import Tracker

# A server that was away is tried again after so long, so that trials don't wait for it.
RETRY_AFTER_S = 10.0
# At the end, each further attempt waits so long.
PAUSES_AT_THE_END_S = (1.0, 5.0)


class Outbox(Tracker):
    """Passes everything on, in order, while the tracker can be reached.

    What is not sent when the study's run ends is sent by the next: a tracker is told of all trials when it begins.

    Args:
        tracker: Raises where its server is away.
        is_away: Whether an error says so; any other is a fault, and raised.
        say: Tells the person what became of it, in a line.
    """

    def __init__(self, tracker: Tracker, is_away: Callable[[Exception], bool], say: Callable[[str], None]) -> None:
        self._tracker, self._is_away, self._say = tracker, is_away, say
        self._waiting: deque[Callable[[], None]] = deque()
        self._failed_at: float | None = None

    def stage(self, text: str) -> None:
        """Send."""
        self._send(partial(self._tracker.stage, text))

    def begin(self, study: StudyRecord, standing: Standing) -> None:
        """Send."""
        self._send(partial(self._tracker.begin, study, standing))

    def warm_up(self, story: WarmUp) -> None:
        """Send."""
        self._send(partial(self._tracker.warm_up, story))

    def start_trial(self, number: int, label: str) -> None:
        """Send."""
        self._send(partial(self._tracker.start_trial, number, label))

    def log_progress(self, number: int, step: int, metrics: Mapping[str, float]) -> None:
        """Send."""
        self._send(partial(self._tracker.log_progress, number, step, metrics))

    def end_trial(self, trial: TrialRecord, standing: Standing) -> None:
        """Send."""
        self._send(partial(self._tracker.end_trial, trial, standing))

    def end(self, ending: Ending) -> None:
        """Send, and try for a while longer."""
        self._send(partial(self._tracker.end, ending))
        for pause in PAUSES_AT_THE_END_S:
            if not self._waiting:
                return
            time.sleep(pause)
            self._try()
        if self._waiting:
            self._say("the tracking server is still away; nothing is lost: the same command, once it is back, sends it")

    def _send(self, event: Callable[[], None]) -> None:
        self._waiting.append(event)
        if self._failed_at is None or time.monotonic() > self._failed_at + RETRY_AFTER_S:
            self._try()

    def _try(self) -> None:
        while self._waiting:
            try:
                self._waiting[0]()
            except Exception as error:
                if not self._is_away(error):
                    raise
                if self._failed_at is None:
                    self._say("the tracking server is away: records are kept, and sent once it is back")
                self._failed_at = time.monotonic()
                return
            self._waiting.popleft()
        if self._failed_at is not None:
            self._say("the tracking server is back, and has all records")
            self._failed_at = None
