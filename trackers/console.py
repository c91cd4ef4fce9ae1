"""Shows a study in the terminal: what it does now, how far it is, and what it has found."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from results.choosing import Ending, Standing
from results.hypervolume import front_hypervolume
from results.records import StudyRecord, TrialRecord, WarmUp
from trackers.description import in_words, nothing_fits, screened_in_words, spread
from trackers.tables import trials_table
from trackers.tracker import Tracker

# Of the front so far, as many are shown as leave room for the lines.
MOST_MEMBERS = 6
# A trial's line shows these, each with its title, figure, format and unit.
LINE = (
    ("score", "score", ".4f", ""),
    ("p50", "latency_ms", ".2f", " ms"),
    ("memory", "memory_mb", ".0f", " MB"),
    ("size", "size_mb", ".1f", " MB"),
    ("energy", "energy_mj", ".1f", " mJ"),
)


class ConsoleTracker(Tracker):
    """A line for each trial above the front so far and the progress; without a terminal, the lines alone.

    Args:
        console: Where to write.
        quiet: Whether to write nothing but warnings before the end.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console, self._lines = console, Console(quiet=True) if quiet else console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[found]}"),
            console=self._lines,
        )
        self._front = Standing()
        self._live = Live(get_renderable=self._below, console=self._lines, transient=True)
        self._bar = self._progress.add_task("starting", total=None, found="")
        self._label = ""

    def stage(self, text: str) -> None:
        """Say what the study does now."""
        if self._lines.is_terminal:
            self._live.start()
            self._progress.update(self._bar, description=escape(f"{self._label} {text}".strip()))
        elif not self._label:
            self._lines.print(text, markup=False, highlight=False)

    def warn(self, text: str) -> None:
        """Say what a person should know even if nothing else is of interest."""
        self._console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)

    def begin(self, study: StudyRecord, standing: Standing) -> None:
        """Say what is already there, and start counting."""
        self._study, self._started = study, time.monotonic()
        if standing.trials:
            self._lines.print(f"resuming with {standing.n_tried} of {study.n_trials} trials finished")
        self._update(standing)

    def start_trial(self, number: int, label: str) -> None:
        """Name the trial in progress."""
        self._label = f"#{number} {label}:"

    def warm_up(self, story: WarmUp) -> None:
        """Say how good the super-network is."""
        origin = "as an earlier run made it" if story.reused else f"after {story.seconds / 60:.1f} min"
        self._lines.print(f"super-network ready {origin}: score at full size {story.score:.4f}", highlight=False)

    def log_progress(self, number: int, step: int, metrics: Mapping[str, float]) -> None:
        """Show the report in the line of progress."""
        figures = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        self.stage(f"after step {step} {figures}")

    def end_trial(self, trial: TrialRecord, standing: Standing) -> None:
        """Print the trial's line."""
        self._label = ""
        outcome = standing.outcome(trial)
        figures = "  ".join(
            f"{name} {trial.figures[figure]:{form}}{unit}"
            for name, figure, form, unit in LINE
            if figure in trial.figures
        )
        position = f"{standing.n_tried:>3}/{self._study.n_trials}" if trial.polishes is None else "polish"
        line = f"{position}  #{trial.number:<3} {outcome:<11} {figures}  {trial.label}"
        marks = {"entrant": trial.entrant, "predicted": trial.predicted, trial.reason: trial.reason}
        remarks = [remark for remark, holds in marks.items() if holds]
        if remarks:
            line += f"  ({'; '.join(remarks)})"
        if not self._lines.is_terminal:
            line += f"  [{self._found(standing)}]"
        style = {"front": "green", "failed": "red", "over-budget": "yellow"}.get(outcome)
        self._lines.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
        self._update(standing)

    def end(self, ending: Ending) -> None:
        """Take the line of progress away, and print the front."""
        self.close()
        if ending.stopped:
            self._console.print(f"stopped {ending.stopped}; the same command goes on from here", style="yellow")
        print_standing(self._console, self._study, ending)

    def close(self) -> None:
        """Take the line of progress away, and give the terminal its cursor back."""
        self._live.stop()

    def _below(self) -> Group:
        """What stands below the lines: the front so far, and the progress."""
        if not self._front.front:
            return Group(self._progress)
        members = spread(self._front.members, MOST_MEMBERS, self._front.recommended)
        return Group(trials_table(members, self._front.recommended, "Front so far"), self._progress)

    def _update(self, standing: Standing) -> None:
        self._front = standing
        self._progress.update(
            self._bar, completed=standing.n_tried, total=self._study.n_trials, found=self._found(standing)
        )

    def _found(self, standing: Standing) -> str:
        scores = [trial.score for trial in standing.trials if trial.score is not None]
        best = f"best score {max(scores):.4f}, " if scores else ""
        volume = front_hypervolume(standing, self._study.objectives)
        n_over = sum(trial.status == "over-budget" for trial in standing.trials)
        over = f", {n_over} over budget" if n_over else ""
        return f"{best}front of {len(standing.front)}, hypervolume {volume:.3f}{over}{self._time_left(standing)}"

    def _time_left(self, standing: Standing) -> str:
        """From the median trial so far; a limit on the time cuts it short."""
        if not standing.trials or standing.n_tried >= self._study.n_trials:
            return ""  # when the front is all polished, nobody knows: it changes as it is
        left = statistics.median(trial.seconds for trial in standing.trials)
        left *= self._study.n_trials - standing.n_tried
        if self._study.time_limit_s is not None:
            left = min(left, max(0.0, self._started + self._study.time_limit_s - time.monotonic()))
        return f", about {left / 60:.0f} min left" if left >= 90 else f", about {left:.0f} s left"


def print_standing(console: Console, study: StudyRecord, ending: Ending) -> None:
    """Print the front as a table, and which of its members to take."""
    standing = ending.standing
    if not standing.front:
        console.print(
            nothing_fits(standing, study.budgets), style="yellow", markup=False, highlight=False, soft_wrap=True
        )
        return
    console.print(trials_table(standing.members, standing.recommended, f"Front of {study.name}"))
    print_findings(console, ending)


def print_findings(console: Console, ending: Ending) -> None:
    """Print what a study found out at its end, if it has."""
    chosen = ending.standing.chosen
    if chosen is not None and ending.test_score is not None:
        console.print(
            f"recommended: #{chosen.number} {chosen.label}, the nearest to the best of every objective at once;"
            f" score on the test split {ending.test_score:.4f}",
            highlight=False,
            soft_wrap=True,
        )
    if ending.comparison is not None:
        console.print(in_words(ending.comparison), highlight=False, soft_wrap=True)
    if ending.screening_error is not None:
        console.print(screened_in_words(ending.screening_error), highlight=False, soft_wrap=True)
