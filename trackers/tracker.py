"""What a tracker is told while a study runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from results.choosing import Ending, Standing
from results.records import StudyRecord, TrialRecord, WarmUp


class Tracker:
    """Is told what happens in a study, in this order; each method does nothing unless overridden.

    ``begin``, ``warm_up`` where there is one, then for every trial ``start_trial``, any number of
    ``log_progress`` and ``end_trial``, then ``end``. ``stage`` may come at any time. A study that is resumed
    begins again, with the trials it has. A trial that was started and never ended was cut off; it comes again
    under another number.
    """

    def stage(self, text: str) -> None:
        """The study now does ``text``."""

    def begin(self, study: StudyRecord, standing: Standing) -> None:
        """A study begins or is resumed, standing as it does."""

    def warm_up(self, story: WarmUp) -> None:
        """The study has its super-network."""

    def start_trial(self, number: int, label: str) -> None:
        """A trial has its candidate."""

    def log_progress(self, number: int, step: int, metrics: Mapping[str, float]) -> None:
        """A trial in training reports after so many steps."""

    def end_trial(self, trial: TrialRecord, standing: Standing) -> None:
        """A trial is finished; ``standing`` has it already."""

    def end(self, ending: Ending) -> None:
        """The run of the study is over."""


class Trackers(Tracker):
    """Several trackers that are all told the same."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = trackers

    def stage(self, text: str) -> None:
        """Tell all."""
        for tracker in self._trackers:
            tracker.stage(text)

    def begin(self, study: StudyRecord, standing: Standing) -> None:
        """Tell all."""
        for tracker in self._trackers:
            tracker.begin(study, standing)

    def warm_up(self, story: WarmUp) -> None:
        """Tell all."""
        for tracker in self._trackers:
            tracker.warm_up(story)

    def start_trial(self, number: int, label: str) -> None:
        """Tell all."""
        for tracker in self._trackers:
            tracker.start_trial(number, label)

    def log_progress(self, number: int, step: int, metrics: Mapping[str, float]) -> None:
        """Tell all."""
        for tracker in self._trackers:
            tracker.log_progress(number, step, metrics)

    def end_trial(self, trial: TrialRecord, standing: Standing) -> None:
        """Tell all."""
        for tracker in self._trackers:
            tracker.end_trial(trial, standing)

    def end(self, ending: Ending) -> None:
        """Tell all."""
        for tracker in self._trackers:
            tracker.end(ending)
