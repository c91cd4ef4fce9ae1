"""The story of a study on one screen, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from results.budgets import Budgets
from results.choosing import Ending, Standing
from results.records import Comparison, StudyRecord, TrialRecord
from trackers.tables import trials_markdown

# MLflow keeps 8,000 characters of a description; a linked row has about 200.
MOST_ROWS = 25


def describe(
    study: StudyRecord,
    standing: Standing,
    link: Callable[[TrialRecord], str] | None = None,
    ending: Ending | None = None,
    pages: Mapping[str, str] | None = None,
) -> str:
    """What a person who opens the study should read first.

    Args:
        study: The study.
        standing: Where it stands.
        link: A trial's address.
        ending: How it ended, if it has.
        pages: Addresses of further pages, by what they show.
    """
    budgets = ", ".join(f"{name} {bound}" for name, bound in study.budgets.bounds.items())
    ends = Counter(standing.outcome(trial) for trial in standing.trials)
    lines = [
        f"## {study.name}: {study.task} on {study.device}",
        "",
        *([] if standing.chosen is None else [*_recommended(study, standing.chosen, ending), ""]),
        f"- **Traded off:** {', '.join(study.objectives)}",
        f"- **Budgets:** {budgets or 'none'}",
        f"- **Trials:** {standing.n_tried} of {study.n_trials}: "
        + (", ".join(f"{n} {outcome}" for outcome, n in ends.most_common()) or "none yet"),
        "",
        "### Front",
        "",
    ]
    if not standing.front:
        lines.append(nothing_fits(standing, study.budgets))
    else:
        shown = spread(standing.members, MOST_ROWS, standing.recommended)
        lines.append(trials_markdown(shown, standing.recommended, link))
        if shown[0].predicted:
            lines += ["", f"Latency, memory and energy are {shown[0].machine}."]
        if len(shown) < len(standing.front):
            lines += ["", f"{len(shown)} of its {len(standing.front)} members; all are in the artefact `front.csv`."]
    if pages:
        lines += ["", "See also " + ", ".join(f"[{name}]({address})" for name, address in pages.items()) + "."]
    return "\n".join(lines)


def _recommended(study: StudyRecord, chosen: TrialRecord, ending: Ending | None) -> list[str]:
    """Which trial to take, why, and how: first of all, because MLflow's page folds the rest away."""
    tested = ""
    if ending is not None and ending.test_score is not None:
        tested = f" Its score on the test split is {ending.test_score:.4f}."
    lines = [
        f"**Recommended: #{chosen.number}** {chosen.label}, which gives up least: nearest to the best of every"
        f" objective at once.{tested}",
    ]
    if ending is not None and ending.comparison is not None:
        lines += ["", in_words(ending.comparison)]
    if ending is not None and ending.screening_error is not None:
        lines += ["", screened_in_words(ending.screening_error)]
    return [*lines, "", f"Export it: `bertailor export {study.name} --out {study.name}-bundle`"]


def in_words(comparison: Comparison) -> str:
    """What the recommended candidate gains over the full-size model, in a sentence."""
    return (
        f"Against the full-size model as int8 it is {comparison.faster:.1f} times as fast (p50) and"
        f" {comparison.smaller:.1f} times smaller; its score on the {comparison.n_texts} test texts differs by"
        f" {100 * comparison.score_gain:+.1f} points (95% interval {100 * comparison.low:+.1f} to"
        f" {100 * comparison.high:+.1f}) from {comparison.full_score:.4f}."
    )


def screened_in_words(error: float) -> str:
    """How good the predictions were by which a slow board was spared, in a sentence."""
    return f"What was screened was predicted; of what was measured, the predictions are off by {error:.1%} (median)."


def spread(members: Sequence[TrialRecord], n: int, recommended: int | None) -> list[TrialRecord]:
    """At most ``n`` members of a front, evenly spread along it, the recommended one among them."""
    if len(members) <= n:
        return list(members)
    chosen = {round(index * (len(members) - 1) / (n - 2)) for index in range(n - 1)}
    chosen |= {index for index, member in enumerate(members) if member.number == recommended}
    return [members[index] for index in sorted(chosen)]


def nothing_fits(standing: Standing, budgets: Budgets) -> str:
    """Why a front is empty, and which trial comes nearest."""
    if not standing.trials:
        return "Empty so far."
    over = {trial.number: budgets.broken(trial.figures) for trial in standing.trials if trial.status == "over-budget"}
    if not over:
        return f"Empty: all {len(standing.trials)} trials failed, the last with {standing.trials[-1].reason}."
    counts = Counter(name for broken in over.values() for name in broken)
    broken = ", ".join(f"{name} by {n}" for name, n in counts.most_common())
    n_failed = sum(trial.status == "failed" for trial in standing.trials)
    nearest = standing.trial(min(over, key=lambda number: sum(over[number].values())))
    return (
        f"Empty: none of {len(standing.trials)} trials keeps to the budgets; broken are {broken}"
        f"{f', and {n_failed} failed' if n_failed else ''}."
        f" Nearest is #{nearest.number} {nearest.label}: {nearest.reason}."
    )
