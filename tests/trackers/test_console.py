from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest
from rich.console import Console

from results.choosing import Ending, Standing
from results.records import TrialRecord
from tests.results.test_records import (
    COMPARISON,
    a_study,
    a_trial,
    a_warm_up,
    failed,
    over_budget,
    polished,
    some_costs,
    stopped,
    worse,
)
from trackers.console import ConsoleTracker
from trackers.description import in_words


class Screen:
    """A console that keeps what is written to it."""

    def __init__(self, *, terminal: bool = False, quiet: bool = False) -> None:
        self._file = io.StringIO()
        self.console = Console(file=self._file, force_terminal=terminal, width=200, color_system=None)
        self.tracker = ConsoleTracker(self.console, quiet=quiet)

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


def test_an_entrant_is_marked_beside_its_reason(screen: Screen) -> None:
    over = over_budget(1)
    end_trials(screen, [a_trial(0, entrant=True), dataclasses.replace(over, entrant=True, score=0.75)], front=(0,))
    assert "(entrant)" in screen.lines[0]
    assert "score 0.7500" in screen.lines[1]
    assert "(entrant; latency_ms 9 over 8)" in screen.lines[1]


def test_a_trial_that_was_stopped_or_made_worse_says_why(screen: Screen) -> None:
    end_trials(screen, [a_trial(0), stopped(1), worse(2, of=0)], front=(0,))
    assert "stopped" in screen.lines[1]
    assert f"({stopped(1).reason})" in screen.lines[1]
    assert "worse" in screen.lines[2]
    assert f"({worse(2, of=0).reason})" in screen.lines[2]


def test_polishing_is_not_counted_among_the_trials(screen: Screen) -> None:
    end_trials(screen, [a_trial(0), polished(1, of=0), a_trial(2)], front=(1,))
    assert [line.split()[0] for line in screen.lines] == ["1/8", "polish", "2/8"]
    assert f"{a_trial(0).label} polished" in screen.lines[1]


def test_the_super_network_is_told_of_in_a_line(screen: Screen) -> None:
    screen.tracker.begin(a_study(), Standing())
    screen.tracker.warm_up(a_warm_up())
    screen.tracker.warm_up(a_warm_up(reused=True, score=0.5))
    new, reused = screen.lines
    assert "1.5 min" in new
    assert "0.9375" in new
    assert "earlier" in reused
    assert "min" not in reused
    assert "0.5000" in reused


def test_brackets_in_a_reason_are_shown_as_they_are(screen: Screen) -> None:
    reason = "RuntimeError: [enforce fail at alloc.cpp:114] [/red] out of memory"
    end_trials(screen, [a_trial(0, score=None, status="failed", reason=reason, costs=None)], front=())
    assert reason in screen.text


def test_each_line_says_what_is_found_and_how_much_time_is_left(screen: Screen) -> None:
    end_trials(screen, [a_trial(0, score=0.7), a_trial(1, score=0.9)], front=(0, 1), n_trials=4)
    assert "best score 0.7000, front of 1, hypervolume 0.000, about 38 s left" in screen.lines[0]
    assert "best score 0.9000, front of 2, hypervolume 0.000, about 25 s left" in screen.lines[1]


def test_the_hypervolume_and_how_many_broke_a_budget_are_told(screen: Screen) -> None:
    slow = a_trial(0, score=0.7, latency_ms=8.0, costs=some_costs(8.0, 40.0), entrant=True)
    end_trials(screen, [slow, over_budget(1), a_trial(2, score=0.5, latency_ms=4.0)], front=(2,))
    assert "front of 1, hypervolume 0.125, 1 over budget" in screen.lines[-1]


def test_quiet_it_says_nothing_but_warnings_before_the_front() -> None:
    screen = Screen(quiet=True)
    screen.tracker.stage("loading")
    standing = end_trials(screen, [a_trial(0), over_budget(1)], front=(0,))
    screen.tracker.warn("the tracking server is away")
    assert screen.lines == ["the tracking server is away"]
    screen.tracker.end(Ending(standing=dataclasses.replace(standing, recommended=0), test_score=0.8125))
    assert "Front of study" in screen.text
    assert "0.8125" in screen.text


def test_a_limit_on_the_time_cuts_the_estimate_short(screen: Screen) -> None:
    end_trials(screen, [a_trial(0, seconds=600.0)], front=(0,), n_trials=40, time_limit_s=0.001)
    assert "about 0 s left" in screen.text


def test_long_estimates_are_in_minutes(screen: Screen) -> None:
    end_trials(screen, [a_trial(0, seconds=600.0)], front=(0,), n_trials=4)
    assert "about 30 min left" in screen.text


def test_once_all_are_tried_no_estimate_is_given(screen: Screen) -> None:
    end_trials(screen, [a_trial(0), a_trial(1)], front=(0, 1), n_trials=2)
    assert "left" in screen.lines[0]
    assert "left" not in screen.lines[1]


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
    screen.tracker.log_progress(0, 1, {"train_loss": 0.5})
    screen.tracker.end_trial(a_trial(0), Standing(trials=(a_trial(0),), front=(0,), recommended=0))
    screen.tracker.stage("scoring")
    assert [screen.lines[0], screen.lines[-1]] == ["loading the task [all]", "scoring"]
    assert len(screen.lines) == 3


def test_a_terminal_shows_the_trial_in_progress() -> None:
    screen = Screen(terminal=True)
    screen.tracker.begin(a_study(), Standing())
    screen.tracker.start_trial(3, "2L 4H")
    screen.tracker.log_progress(3, 16, {"train_loss": 0.5, "epoch_score": 0.75})
    screen.tracker.end(Ending(standing=Standing(), stopped="by the user"))
    assert "#3 2L 4H: after step 16 train_loss 0.500, epoch_score 0.750" in screen.text


def test_a_terminal_shows_the_front_so_far_beside_the_progress() -> None:
    screen = Screen(terminal=True)
    screen.tracker.stage("loading")
    end_trials(screen, [a_trial(0, score=0.8125), over_budget(1)], front=(0,))
    screen.tracker.start_trial(2, "2L 4H")
    screen.tracker.stage("measuring")
    screen.tracker.close()
    last = screen.text.rpartition("Front so far")[2]
    assert a_trial(0).label in last
    assert over_budget(1).label not in last
    assert "#2 2L 4H: measuring" in last


def test_the_end_shows_the_front_and_what_to_take(screen: Screen) -> None:
    standing = Standing(trials=(a_trial(0, score=0.9), a_trial(1, score=0.6)), front=(0,), recommended=0)
    screen.tracker.begin(a_study("lights"), Standing())
    screen.tracker.end(Ending(standing=standing, test_score=0.8125))
    assert "Front of lights" in screen.text
    assert f"recommended: #0 {a_trial(0).label}" in screen.text
    assert "score on the test split 0.8125" in screen.text
    assert a_trial(1).label not in screen.text


def test_the_end_compares_the_recommended_trial_with_the_full_size_model() -> None:
    screen = Screen()
    screen.console.width = 40
    standing = Standing(trials=(a_trial(0),), front=(0,), recommended=0)
    screen.tracker.begin(a_study(), Standing())
    screen.tracker.end(Ending(standing=standing, test_score=0.8125, comparison=COMPARISON))
    assert in_words(COMPARISON) in screen.lines


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
