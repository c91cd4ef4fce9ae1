from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from results.budgets import Budgets
from search.config import StudyConfig
from search.errors import UsageError
from search.models.backbones import Backbone
from search.sampling.store import StudyStore
from search.study.setting_up import check_budgets, inputs_of, load_space, set_up, study_record
from search.study.workbench import Workbench
from tests.conftest import tiny_rows, write_csv
from tests.search.conftest import Remembering
from tests.search.records import CONFIG, SHAPE
from tests.search.small_studies import SIZES, small_bench, small_config
from trackers.tracker import Tracker

CHOICES: dict[str, Any] = {
    "architecture": {"depth": [2, 3], "layers": "even", "heads": 4, "ffn_size": 64, "hidden_size": 192},
    "compression": {"quantisation": "none"},
    "training": {"learning_rate": 1e-4, "epochs": [1, 2], "batch_size": 8},
}


def config_with(folder: Path, strategy: str, **sections: Any) -> StudyConfig:
    """A study of minilm with a space of its own; a section that is None is left out."""
    path = folder / "mine.yaml"
    choices = {name: section for name, section in {**CHOICES, **sections}.items() if section is not None}
    path.write_text(yaml.safe_dump(choices), encoding="utf-8")
    return CONFIG.model_copy(update={"space": str(path), "strategy": strategy})


def refusal(config: StudyConfig) -> str:
    with pytest.raises(UsageError) as caught:
        load_space(config, SHAPE)
    message = str(caught.value)
    assert "\n" not in message
    assert config.space in message
    return message


@pytest.mark.parametrize("strategy", ["supernet", "standalone"])
@pytest.mark.parametrize(("choice", "size", "limit"), [("hidden_size", 512, 384), ("depth", 7, 6), ("heads", 13, 12)])
def test_a_space_larger_than_the_backbone_is_refused_in_one_line(
    tmp_path: Path, strategy: str, choice: str, size: int, limit: int
) -> None:
    message = refusal(config_with(tmp_path, strategy, architecture={**CHOICES["architecture"], choice: [2, size]}))
    assert f"architecture.{choice}: {size} is more than the backbone's {limit}" in message


def test_candidates_of_a_super_network_have_no_choice_of_training(tmp_path: Path) -> None:
    space = load_space(config_with(tmp_path, "supernet"), SHAPE)
    assert space.training is None
    assert space.n_points == 2
    assert space.shape == SHAPE


def test_candidates_that_are_trained_on_their_own_have_one(tmp_path: Path) -> None:
    space = load_space(config_with(tmp_path, "standalone"), SHAPE)
    assert space.training is not None
    assert space.n_points == 4


def test_a_space_without_training_is_refused_for_candidates_that_are_trained(tmp_path: Path) -> None:
    assert "has no section 'training'" in refusal(config_with(tmp_path, "standalone", training=None))
    assert load_space(config_with(tmp_path, "supernet", training=None), SHAPE).training is None


def test_a_space_whose_only_choice_is_training_is_refused_for_a_super_network(tmp_path: Path) -> None:
    sizes = {**CHOICES["architecture"], "depth": 2}
    assert "the space has one point" in refusal(config_with(tmp_path, "supernet", architecture=sizes))
    assert load_space(config_with(tmp_path, "standalone", architecture=sizes), SHAPE).n_points == 2


def test_an_unknown_space_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown space 'defualt', did you mean 'default'"):
        load_space(CONFIG.model_copy(update={"space": "defualt"}), SHAPE)


def test_without_a_backbone_candidates_are_cut_from_the_largest_of_the_space(tmp_path: Path) -> None:
    bench = small_bench(tmp_path)
    config = bench.full.config
    assert (config.heads, config.ffn_sizes, config.hidden_size) == ([2, 2], [32, 32], 32)
    assert set(config.label2id) == {"lights", "timers"}
    assert not bench.full.training


def test_a_pretrained_backbone_is_sorted_and_answers_as_before(bench: Workbench, minilm: Backbone) -> None:
    model, plain = bench.ordered("magnitude"), bench.full
    assert model.config.heads == [12] * 6
    ids = torch.tensor([minilm.tokenizer("switch the lamp on")["input_ids"]])
    with torch.inference_mode():
        torch.testing.assert_close(model(ids).logits, plain(ids).logits, atol=1e-4, rtol=0)
    # The norms of the channels of the first feed-forward block descend.
    block = model.layers[0].feed_forward
    norms = block.expand.weight.norm(dim=1) ** 2 + block.contract.weight.norm(dim=0) ** 2
    assert norms[:100].mean() > norms[-100:].mean()
    assert not torch.equal(block.expand.weight, plain.layers[0].feed_forward.expand.weight)


def test_texts_longer_than_the_backbone_reads_are_refused(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    long = config.model_copy(update={"task": config.task.model_copy(update={"max_tokens": 4096})})
    with pytest.raises(UsageError, match=r"task.max_tokens is 4096, and backbone scratch reads at most 512"):
        set_up(long, tmp_path / "store", Tracker())


def test_unlabelled_texts_are_those_that_training_and_validation_lack(tmp_path: Path) -> None:
    file = tmp_path / "more.txt"
    file.write_text(f"dim the porch light\n{tiny_rows()[0][0].upper()}\n", encoding="utf-8")
    bench = small_bench(tmp_path, unlabelled=str(file))
    known = {text.casefold() for text in (*bench.task.train.texts, *bench.task.validation.texts)}
    assert "dim the porch light" in bench.unlabelled
    assert not known & {text.casefold() for text in bench.unlabelled}


@pytest.mark.parametrize("budget", [{"size_mb": 0.01}, {"latency_ms": 1e-9}, {"memory_mb": 1}])
def test_budgets_that_no_candidate_can_keep_to_are_refused(tmp_path: Path, budget: dict[str, float]) -> None:
    bench, store = small_bench(tmp_path, budgets=budget), StudyStore(tmp_path / "store", "small")
    store.folder.mkdir(parents=True)
    with pytest.raises(UsageError, match="the budgets can't be met: the smallest candidate") as caught:
        check_budgets(bench, store)
    assert next(iter(budget)) in str(caught.value)
    assert bench.space.smallest().label in str(caught.value)
    assert list(store.folder.iterdir()) == []


def test_budgets_that_the_smallest_candidate_keeps_to_are_accepted(tmp_path: Path) -> None:
    bench, store = small_bench(tmp_path, budgets={"size_mb": 500}), StudyStore(tmp_path / "store", "small")
    store.folder.mkdir(parents=True)
    check_budgets(bench, store)
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize("budgets", [Budgets(), Budgets(score=1)])
def test_nothing_is_measured_where_no_cost_has_a_budget(tmp_path: Path, budgets: Budgets) -> None:
    tracker = Remembering()
    bench = small_bench(tmp_path, tracker, budgets=budgets.model_dump())
    tracker.stages.clear()
    check_budgets(bench, StudyStore(tmp_path / "store", "small"))
    assert tracker.stages == []


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


def test_trackers_hear_of_the_baselines_among_the_trials_and_of_the_settings(tmp_path: Path) -> None:
    bench = small_bench(tmp_path, trials=7, time="90s", budgets={"size_mb": 4})
    record = study_record(bench, n_baselines=3)
    assert (record.n_trials, record.time_limit_s, record.budgets) == (10, 90, {"size_mb": 4})
    assert record.settings["strategy"] == "supernet"
    assert StudyConfig.model_validate(yaml.safe_load(record.config_yaml)) == bench.config
    assert bench.space.architecture.depth.values == tuple(SIZES["depth"])
