from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from results.budgets import Budgets
from search.config import StudyConfig
from search.errors import UsageError
from search.sampling.store import StudyStore
from search.study.beginning import begin, check_budgets, inputs_of, study_record
from tests.conftest import tiny_rows, write_csv
from tests.search.conftest import with_settings
from tests.search.records import Listener
from tests.search.small_studies import SIZES, small_bench


@pytest.mark.parametrize("budget", [{"size_mb": 0.01}, {"latency_ms": 1e-9}, {"memory_mb": 1}])
def test_budgets_that_no_candidate_can_keep_to_are_refused(tmp_path: Path, budget: dict[str, float]) -> None:
    bench, store = small_bench(tmp_path, budgets=budget), StudyStore(tmp_path / "store", "small")
    store.folder.mkdir(parents=True)
    with pytest.raises(UsageError, match="the budgets can't be met: the smallest candidate") as caught:
        check_budgets(bench, store, lambda text: None)
    assert next(iter(budget)) in str(caught.value)
    assert bench.space.smallest().label in str(caught.value)
    assert list(store.folder.iterdir()) == []


def test_budgets_that_the_smallest_candidate_keeps_to_are_accepted(tmp_path: Path) -> None:
    bench, store = small_bench(tmp_path, budgets={"size_mb": 500}), StudyStore(tmp_path / "store", "small")
    store.folder.mkdir(parents=True)
    check_budgets(bench, store, lambda text: None)
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize("budgets", [Budgets(), Budgets(score=1)])
def test_nothing_is_measured_where_no_cost_has_a_budget(tmp_path: Path, budgets: Budgets) -> None:
    said: list[str] = []
    bench = small_bench(tmp_path, budgets=budgets.model_dump())
    check_budgets(bench, StudyStore(tmp_path / "store", "small"), said.append)
    assert said == []


def changed_texts(folder: Path) -> dict[str, Any]:
    return {"task": str(write_csv(folder / "fewer.csv", tiny_rows()[2:-2]))}


def changed_space(folder: Path) -> dict[str, Any]:
    return {"sizes": {"ffn_size": [16, 24]}}


def changed_device(folder: Path) -> dict[str, Any]:
    (folder / "slow.yaml").write_text("name: fast\ntime_limit_s: 0.3\n", encoding="utf-8")
    return {"device": str(folder / "slow.yaml")}


def unlabelled_texts(folder: Path) -> dict[str, Any]:
    (folder / "more.txt").write_text("dim the porch light\n", encoding="utf-8")
    return {"unlabelled": str(folder / "more.txt")}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (changed_texts, "task's texts"),
        (changed_space, "space"),
        (changed_device, "device"),
        (unlabelled_texts, "unlabelled texts"),
    ],
)
def test_an_input_that_changed_is_told_from_the_others(tmp_path: Path, change: Any, named: str) -> None:
    before = inputs_of(small_bench(tmp_path))
    after = inputs_of(small_bench(tmp_path, **change(tmp_path)))
    assert {name for name in after if after[name] != before.get(name)} == {named}
    assert inputs_of(small_bench(tmp_path)) == before


def test_trackers_hear_of_the_entrants_among_the_trials_and_of_the_settings(tmp_path: Path) -> None:
    bench = small_bench(tmp_path, trials=7, time="90s", budgets={"size_mb": 4})
    record = study_record(bench, inputs_of(bench))
    assert record.n_trials == 7 + len(bench.entrants.candidates)
    assert (record.time_limit_s, record.budgets) == (90, Budgets(size_mb=4))
    assert record.settings["strategy"] == "supernet"
    assert StudyConfig.model_validate(yaml.safe_load(record.config_yaml)) == bench.config
    assert bench.space.architecture.depth.values == tuple(SIZES["depth"])


def test_a_study_that_begins_is_told_of_and_can_be_looked_at(tmp_path: Path) -> None:
    bench, store, listener = small_bench(tmp_path), StudyStore(tmp_path / "store", "small"), Listener()
    store.folder.mkdir(parents=True)
    ledger = begin(bench, store, listener)
    assert ledger.records == []
    assert store.config() == bench.config
    assert store.study() == study_record(bench, inputs_of(bench))
    with pytest.raises(UsageError, match="another seed"):
        begin(with_settings(bench, seed=5), store, listener)
