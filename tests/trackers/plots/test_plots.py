from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from results.choosing import Standing, standing_of
from results.records import TrialRecord
from spaces import Candidate
from tests.results.test_records import a_study, a_trial, failed, over_budget, some_costs, stopped
from trackers.plots import plots
from trackers.plots.png import png

TRAINING = {"learning_rate": st.floats(1e-5, 1e-2), "batch_size": st.just(16)}
STUDY = a_study(objectives=("score", "latency_ms", "size_mb"))


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    depth = draw(st.integers(1, 3))
    sizes = {name: draw(st.lists(st.sampled_from([4, 8]), min_size=depth, max_size=depth)) for name in ("heads", "ffn")}
    sections: dict[str, Any] = {
        "architecture": {
            "layers": list(range(depth)),
            "heads": sizes["heads"],
            "ffn_sizes": sizes["ffn"],
            "hidden_size": draw(st.sampled_from([192, 384])),
        },
        "compression": {"quantisation": "none", "vocabulary": draw(st.none() | st.integers(1000, 9000))},
        "training": draw(st.none() | st.fixed_dictionaries(TRAINING)),
    }
    return Candidate.model_validate(sections)


@st.composite
def trials(draw: st.DrawFn) -> list[TrialRecord]:
    records: list[TrialRecord] = []
    for number in range(draw(st.integers(0, 14))):
        kind = draw(st.sampled_from(["scored", "scored", "failed", "over", "stopped", "repeat"]))
        known = {
            "candidate": draw(candidates()),
            "costs": some_costs(draw(st.floats(1e-3, 1e3)), draw(st.floats(0.1, 500))),
            "entrant": draw(st.booleans()),
        }
        made = {"failed": failed, "over": over_budget, "stopped": stopped}.get(kind)
        if made is not None:
            records.append(made(number))
        else:
            repeats = 0 if kind == "repeat" and records else None
            records.append(a_trial(number, score=draw(st.floats(0, 1)), repeats=repeats, **known))
    return records


@settings(max_examples=12, deadline=None)
@given(trials())
def test_whatever_trials_there_are_all_plots_can_be_drawn(records: list[TrialRecord]) -> None:
    figures = plots(STUDY, standing_of(records, STUDY.objectives))
    assert "front" in figures
    for figure in figures.values():
        assert png(figure).startswith(b"\x89PNG")


def test_where_all_candidates_are_alike_nothing_is_said_of_what_decides() -> None:
    alike = a_trial(0).candidate
    records = tuple(a_trial(number, score=number / 20, candidate=alike) for number in range(12))
    assert "importances" not in plots(STUDY, Standing(trials=records, front=(11,), recommended=11))
