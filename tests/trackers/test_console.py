from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tests.trackers.test_records import a_study, a_trial, failed, over_budget
from trackers.console import ConsoleTracker
from trackers.records import Ending, Standing, TrialRecord


class Screen:
    """A console that keeps what is written to it."""

    def __init__(self, *, terminal: bool = False) -> None:
        self._file = io.StringIO()
        self.console = Console(file=self._file, force_terminal=terminal, width=200, color_system=None)
        self.tracker = ConsoleTracker(self.console)

    @property
    def text(self) -> str:
        return self._file.getvalue()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@pytest.fixture
def screen() -> Screen:
    return Screen()


def end_trials(screen: Screen, trials: list[TrialRecord], front: tuple[int, ...], **study: Any) -> Standing:
    screen.tracker.begin(a_study(**study), Standing())
    standing = Standing()
    for trial in trials:
        done = (*standing.trials, trial)
        numbers = {other.number for other in done}
        standing = Standing(trials=done, front=tuple(n for n in front if n in numbers), recommended=None)
        screen.tracker.start_trial(trial.number, trial.label)
        screen.tracker.end_trial(trial, standing)
    return standing


def test_a_trial_is_one_line_with_its_figures(screen: Screen) -> None:
    end_trials(screen, [a_trial(0, score=0.8125, latency_ms=4.25)], front=(0,))
    (line,) = screen.lines
    for part in (
        "1/8",
        "#0",
        a_trial(0).label,
        "front",
        "score 0.8125",
        "p50 4.25 ms",
        "memory 300 MB",
        "size 20.0 MB",
    ):
        assert part in line


def test_a_line_is_not_broken_however_narrow_the_screen() -> None:
    screen = Screen()
    screen.console.width = 20
    end_trials(screen, [a_trial(0), over_budget(1)], front=(0,))
    assert len(screen.lines) == 2


def test_a_trial_that_failed_or_broke_a_budget_says_why(screen: Screen) -> None:
    end_trials(screen, [failed(0), over_budget(1)], front=())
    assert "failed" in screen.lines[0]
    assert "(MeasurementError: the artefact can't be run)" in screen.lines[0]
    assert "over-budget" in screen.lines[1]
    assert "(latency_ms 9 over 8)" in screen.lines[1]
    assert "score" not in screen.lines[1].split("[")[0]


def test_brackets_in_a_reason_are_shown_as_they_are(screen: Screen) -> None:
    reason = "RuntimeError: [enforce fail at alloc.cpp:114] [/red] out of memory"
    end_trials(screen, [a_trial(0, score=None, status="failed", reason=reason, costs={})], front=())
    assert reason in screen.text


def test_each_line_says_what_is_found_and_how_much_time_is_left(screen: Screen) -> None:
    end_trials(screen, [a_trial(0, score=0.7), a_trial(1, score=0.9)], front=(0, 1), n_trials=4)
    assert "best score 0.7000, front of 1, about 38 s left" in screen.lines[0]
    assert "best score 0.9000, front of 2, about 25 s left" in screen.lines[1]


def test_a_limit_on_the_time_cuts_the_estimate_short(screen: Screen) -> None:
    end_trials(screen, [a_trial(0, seconds=600.0)], front=(0,), n_trials=40, time_limit_s=0.001)
    assert "about 0 s left" in screen.text


def test_long_estimates_are_in_minutes(screen: Screen) -> None:
    end_trials(screen, [a_trial(0, seconds=600.0)], front=(0,), n_trials=4)
    assert "about 30 min left" in screen.text


def test_resuming_says_what_is_there(screen: Screen) -> None:
    screen.tracker.begin(a_study(), Standing(trials=(a_trial(0), a_trial(1)), front=(0,), recommended=0))
    assert screen.lines == ["resuming with 2 of 8 trials finished"]


def test_a_new_study_begins_without_a_word(screen: Screen) -> None:
    screen.tracker.begin(a_study(), Standing())
    assert screen.text == ""


def test_stages_outside_a_trial_are_printed_and_those_within_are_not(screen: Screen) -> None:
    screen.tracker.stage("loading the task [all]")
    screen.tracker.begin(a_study(), Standing())
    screen.tracker.start_trial(0, "2L")
    screen.tracker.stage("measuring")
    screen.tracker.log_epoch(0, 1, {"train_loss": 0.5})
    screen.tracker.end_trial(a_trial(0), Standing(trials=(a_trial(0),), front=(0,), recommended=0))
    screen.tracker.stage("scoring")
    assert [screen.lines[0], screen.lines[-1]] == ["loading the task [all]", "scoring"]
    assert len(screen.lines) == 3


def test_a_terminal_shows_the_trial_in_progress() -> None:
    screen = Screen(terminal=True)
    screen.tracker.begin(a_study(), Standing())
    screen.tracker.start_trial(3, "2L 4H")
    screen.tracker.log_epoch(3, 1, {"train_loss": 0.5, "epoch_score": 0.75})
    screen.tracker.end(Ending(standing=Standing(), stopped="by the user"))
    assert "#3 2L 4H: after epoch 1 train_loss 0.500, epoch_score 0.750" in screen.text


def test_the_end_shows_the_front_and_what_to_take(screen: Screen) -> None:
    standing = Standing(trials=(a_trial(0, score=0.9), a_trial(1, score=0.6)), front=(0,), recommended=0)
    screen.tracker.begin(a_study("lights"), Standing())
    screen.tracker.end(Ending(standing=standing, test_score=0.8125))
    assert "Front of lights" in screen.text
    assert f"recommended: #0 {a_trial(0).label}" in screen.text
    assert "score on the test split 0.8125" in screen.text
    assert a_trial(1).label not in screen.text


def test_a_stopped_study_says_how_to_go_on(screen: Screen) -> None:
    standing = Standing(trials=(a_trial(0),), front=(0,), recommended=0)
    screen.tracker.begin(a_study(), Standing())
    screen.tracker.end(Ending(standing=standing, stopped="by the user"))
    assert "stopped by the user; the same command goes on from here" in screen.text
    assert "→ 0" in screen.text
    assert "test split" not in screen.text


def test_an_empty_front_says_why(screen: Screen) -> None:
    screen.tracker.begin(a_study(), Standing())
    screen.tracker.end(Ending(standing=Standing(trials=(over_budget(0),))))
    assert "trials keeps to the budgets" in screen.text
