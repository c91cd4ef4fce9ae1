from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from search.config import StudyConfig
from search.errors import UsageError
from search.models.backbones import Backbone
from search.study.setting_up import load_space, set_up
from search.study.standalone import OwnWeights
from search.study.workbench import Workbench
from tests.conftest import tiny_rows
from tests.search.records import CONFIG, SHAPE
from tests.search.small_studies import small_bench, small_config

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
    config = bench.pretrained.config
    assert (config.heads, config.ffn_sizes, config.hidden_size) == ([2, 2], [32, 32], 32)
    assert set(config.label2id) == {"lights", "timers"}
    assert not bench.pretrained.training


def test_a_pretrained_backbone_is_sorted_and_answers_as_before(bench: Workbench, minilm: Backbone) -> None:
    model, plain = OwnWeights(bench).ordered("magnitude"), bench.pretrained
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
        set_up(long, tmp_path / "store")


def test_unlabelled_texts_are_those_that_training_and_validation_lack(tmp_path: Path) -> None:
    file = tmp_path / "more.txt"
    file.write_text(f"dim the porch light\n{tiny_rows()[0][0].upper()}\n", encoding="utf-8")
    bench = small_bench(tmp_path, unlabelled=str(file))
    known = {text.casefold() for text in (*bench.task.train.texts, *bench.task.validation.texts)}
    assert "dim the porch light" in bench.unlabelled
    assert not known & {text.casefold() for text in bench.unlabelled}


def test_what_is_looked_up_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    bench = set_up(small_config(tmp_path), tmp_path / "store", said.append)
    assert any(f"{len(bench.task.train)} training" in text for text in said)
