"""The story of a study on one screen, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from trackers.records import Ending, Standing, StudyRecord, TrialRecord
from trackers.tables import trials_markdown


# MLflow keeps 8,000 characters of a description; a linked row has about 200.
MOST_ROWS = 25


def describe(
    study: StudyRecord,
    standing: Standing,
    link: Callable[[TrialRecord], str] | None = None,
    ending: Ending | None = None,
) -> str:
    """What a person who opens the study should read first.

    Args:
        study: The study.
        standing: Where it stands.
        link: A trial's address.
        ending: How it ended, if it has.
    """
    budgets = ", ".join(
        f"{name} {'at least' if name == 'score' else 'at most'} {limit:g}" for name, limit in study.budgets.items()
    )
    ends = Counter(standing.outcome(trial) for trial in standing.trials)
    lines = [
        f"## {study.name}: {study.task} on {study.device}",
        "",
        f"- **Traded off:** {', '.join(study.objectives)}",
        f"- **Budgets:** {budgets or 'none'}",
        f"- **Trials:** {len(standing.trials)} of {study.n_trials}: "
        + (", ".join(f"{n} {outcome}" for outcome, n in ends.most_common()) or "none yet"),
        "",
        "### Front",
        "",
    ]
    if not standing.front:
        lines.append(nothing_fits(standing))
    else:
        shown = spread(standing.members, MOST_ROWS, standing.recommended)
        lines.append(trials_markdown(shown, standing.recommended, link))
        if len(shown) < len(standing.front):
            lines += ["", f"{len(shown)} of its {len(standing.front)} members; all are in the artefact `front.csv`."]
    if standing.recommended is not None:
        tested = f" Its score on the test split is {ending.test_score:.4f}." if ending and ending.test_score else ""
        lines += [
            "",
            f"**Recommended: #{standing.recommended}**, the member that gives up least: nearest to the best of every"
            f" objective at once.{tested}",
            "",
            f"Export it: `bertailor export {study.name} --out {study.name}-bundle`",
        ]
    return "\n".join(lines)


def spread(members: Sequence[TrialRecord], n: int, recommended: int | None) -> list[TrialRecord]:
    """At most ``n`` members of a front, evenly spread along it, the recommended one among them."""
    if len(members) <= n:
        return list(members)
    chosen = {round(index * (len(members) - 1) / (n - 2)) for index in range(n - 1)}
    chosen |= {index for index, member in enumerate(members) if member.number == recommended}
    return [members[index] for index in sorted(chosen)]


def nothing_fits(standing: Standing) -> str:
    """Why a front is empty."""
    reasons = Counter(trial.reason.split(":")[0] for trial in standing.trials if trial.reason)
    if not reasons:
        return "Empty so far."
    listed = ", ".join(f"{reason} ({n})" for reason, n in reasons.most_common(3))
    return f"Empty: no trial keeps to the budgets. Most common: {listed}."
