"""Records of trials that nobody ran, for tests of what becomes of records."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import optuna
from hypothesis import strategies as st

from results.choosing import Standing
from results.front import Objective
from results.records import Status, TrialRecord
from search.config import StudyConfig
from search.sampling.store import StudyStore
from spaces import Candidate, Shape, Space
from spaces.baselines import entrants_of
from tests.results.test_records import some_costs
from trackers.tracker import Tracker

SHAPE = Shape(depth=6, heads=12, head_size=32, ffn_size=1536, hidden_size=384)
SPACE = Space.load("default", SHAPE)
ENTRANTS = entrants_of(SPACE)
OBJECTIVES: tuple[Objective, ...] = ("score", "latency_ms", "size_mb")
CONFIG = StudyConfig.model_validate(
    {
        "name": "mine",
        "task": "movie-snippets",
        "strategy": "standalone",
        "budgets": {"latency_ms": 8, "memory_mb": 400, "size_mb": 50, "score": 0.5},
    }
)


def begun_store(folder: Path) -> StudyStore:
    """The store of a study that has no trial yet."""
    store = StudyStore(folder, "mine")
    with store.locked():
        store.save_config(CONFIG, {})
    return store


def a_candidate(seed: int = 0, space: Space = SPACE) -> Candidate:
    """A candidate of a space."""
    return space.sample(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask())


CANDIDATE = a_candidate()


def a_record(
    number: int,
    score: float | None = 0.8,
    latency_ms: float = 4.0,
    size_mb: float = 20.0,
    status: Status = "scored",
    *,
    candidate: Candidate | None = None,
    repeats: int | None = None,
    polishes: int | None = None,
    entrant: bool = False,
    curve: Sequence[float] = (),
) -> TrialRecord:
    """A trial with these figures; without a candidate, of one that its number decides."""
    return TrialRecord(
        number=number,
        candidate=candidate or a_candidate(number),
        status=status,
        costs=None if status == "failed" else some_costs(latency_ms=latency_ms, size_mb=size_mb),
        score=score,
        curve=tuple(curve),
        entrant=entrant,
        polishes=polishes,
        seconds=3.0,
        repeats=repeats,
    )


def a_small_space() -> Space:
    """A space of four points."""
    raw = SPACE.model_dump(mode="json")
    raw["architecture"] |= {"depth": {"values": [6]}, "heads": {"values": [4, 8]}, "ffn_size": {"values": [64, 128]}}
    raw["architecture"]["hidden_size"] = {"values": [384]}
    raw["compression"] = {"quantisation": {"values": ["none"]}}
    raw["training"] = {"learning_rate": 1e-4, "epochs": 1, "batch_size": 8}
    return Space.model_validate(raw)


@st.composite
def histories(draw: st.DrawFn) -> list[TrialRecord]:
    """The trials of a study in order: with repeats, failures, broken budgets, and polished ones among them."""
    records: list[TrialRecord] = []
    for number in range(draw(st.integers(0, 12))):
        firsts = [record for record in records if record.repeats is None and record.polishes is None]
        repeatable = [record.number for record in firsts if record.status != "failed"]
        repeats = draw(st.none() | st.sampled_from(repeatable)) if repeatable else None
        if repeats is not None:
            earlier = records[repeats]
            records.append(dataclasses.replace(earlier, number=number, repeats=repeats, seconds=0.0))
            continue
        tried = {record.polishes for record in records}
        polishable = [record.number for record in firsts if record.status == "scored" and record.number not in tried]
        polishes = draw(st.none() | st.sampled_from(polishable)) if polishable else None
        others: list[Status] = ["stopped", "over-budget", "failed"] if polishes is None else ["worse", "failed"]
        status = draw(st.sampled_from(["scored", "scored", "scored", *others]))
        records.append(
            a_record(
                number,
                score=draw(st.integers(0, 10)) / 10 if status in {"scored", "worse"} else None,
                latency_ms=float(draw(st.integers(1, 6))),
                size_mb=float(draw(st.integers(1, 6))),
                status=status,
                candidate=CANDIDATE,
                polishes=polishes,
            )
        )
    return records


class Listener(Tracker):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.stages: list[str] = []
        self.standings: list[Standing] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def start_trial(self, number: int, label: str) -> None:
        self.told.append(("start", number))

    def end_trial(self, trial: TrialRecord, standing: Standing) -> None:
        self.told.append(("end", trial.number))
        self.standings.append(standing)
