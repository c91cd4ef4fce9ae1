from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
)

from search.errors import UsageError
from search.models.backbones import SCRATCH, Backbone, load_backbone
from search.models.slicing import cut
from search.study.setting_up import full_model
from spaces import Architecture, Shape, Space


@pytest.fixture(scope="module")
def small_config(minilm: Backbone) -> BertConfig:
    return BertConfig(
        vocab_size=len(minilm.tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=64,
        num_labels=3,
    )


def saved(model: BertModel | BertForSequenceClassification, minilm: Backbone, folder: Path) -> Path:
    model.eval().save_pretrained(folder)
    minilm.tokenizer.save_pretrained(folder)
    return folder


def one_line_error(name: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_backbone(name)
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    return message


def test_minilm_has_its_published_sizes(minilm: Backbone) -> None:
    assert minilm.shape == Shape(depth=6, heads=12, head_size=32, ffn_size=1536, hidden_size=384)
    assert minilm.config.heads == [12] * 6
    assert minilm.tokenizer.tokenize("turn on the light") == ["turn", "on", "the", "light"]


def test_a_head_is_new_and_depends_on_the_seed_alone(minilm: Backbone) -> None:
    one, same, other = (minilm.full_model(("a", "b", "c"), seed).classifier.weight for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_head_of_two_labels_is_new_too(minilm: Backbone) -> None:
    one, other = (minilm.full_model(("a", "b"), seed).classifier.weight for seed in (0, 1))
    assert not torch.equal(one, other)


def test_a_model_leaves_the_state_of_chance_and_the_backbone_alone(minilm: Backbone) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model = minilm.full_model(("a", "b"), seed=0)
    assert torch.equal(torch.rand(3), expected)
    assert minilm.weights is not None
    with torch.no_grad():
        model.layers[0].attention.query.weight.zero_()
    assert minilm.weights["layers.0.attention.query.weight"].any()
    assert minilm.config.num_labels == 2
    assert minilm.config.id2label != model.config.id2label


def test_a_model_knows_its_labels(minilm: Backbone) -> None:
    config = minilm.full_model(("lights", "timers", "doors"), seed=0).config
    assert config.id2label == {0: "lights", 1: "timers", 2: "doors"}
    assert config.label2id == {"lights": 0, "timers": 1, "doors": 2}


@torch.inference_mode()
def test_a_directory_with_a_fitting_head_gives_the_very_classifier(
    small_config: BertConfig, minilm: Backbone, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    original = BertForSequenceClassification(small_config).eval()
    backbone = load_backbone(str(saved(original, minilm, tmp_path)))
    assert backbone.shape == Shape(depth=2, heads=4, head_size=8, ffn_size=48, hidden_size=32)
    model = backbone.full_model(("a", "b", "c"), seed=9).eval()
    ids = torch.tensor([minilm.tokenizer("switch the lamp on")["input_ids"]])
    torch.testing.assert_close(model(ids).logits, original(ids).logits, atol=1e-5, rtol=0)


def test_a_head_of_other_labels_is_replaced_and_the_encoder_kept(
    small_config: BertConfig, minilm: Backbone, tmp_path: Path
) -> None:
    original = BertForSequenceClassification(small_config)
    model = load_backbone(str(saved(original, minilm, tmp_path))).full_model(tuple("abcde"), seed=0)
    assert model.classifier.weight.shape == (5, 32)
    kept = original.bert.encoder.layer[1].output.dense.weight
    assert torch.equal(model.layers[1].feed_forward.contract.weight, kept)


def test_a_directory_without_a_head_or_a_pooler_gives_the_encoder(
    small_config: BertConfig, minilm: Backbone, tmp_path: Path
) -> None:
    original = BertModel(small_config, add_pooling_layer=False)
    backbone = load_backbone(str(saved(original, minilm, tmp_path)))
    model = backbone.full_model(("a", "b", "c"), seed=0)
    assert torch.equal(model.embeddings.word.weight, original.embeddings.word_embeddings.weight)
    assert torch.equal(model.layers[0].attention.key.weight, original.encoder.layer[0].attention.self.key.weight)
    again = load_backbone(str(tmp_path)).full_model(("a", "b", "c"), seed=0)
    assert torch.equal(model.pooler.weight, again.pooler.weight)


def test_scratch_takes_any_sizes_and_has_no_weights() -> None:
    backbone = load_backbone("scratch")
    assert backbone.weights is None
    assert backbone.shape == SCRATCH
    assert backbone.shape.resizable
    space = Space(
        shape=SCRATCH,
        architecture={"depth": [1, 2, 5], "layers": "even", "heads": [1, 3], "ffn_size": [20, 70], "hidden_size": 40},
        compression={"quantisation": "none"},
    )
    full = full_model(backbone, space, ("a", "b", "c"), seed=0)
    assert (full.config.heads, full.config.ffn_sizes, full.config.hidden_size) == ([3] * 5, [70] * 5, 40)
    architecture = Architecture(layers=(0, 1), heads=(1, 3), ffn_sizes=(20, 70), hidden_size=40)
    model = cut(full, architecture)
    assert [layer.attention.query.out_features for layer in model.layers] == [32, 96]
    assert [layer.feed_forward.expand.out_features for layer in model.layers] == [20, 70]
    assert model.pooler.weight.shape == (40, 40)
    assert (model.config.heads, model.config.ffn_sizes) == ([1, 3], [20, 70])
    assert model.config.num_hidden_layers == len(model.layers) == 2
    ids = torch.tensor([backbone.tokenizer("switch the lamp on")["input_ids"]])
    assert model(ids).logits.shape == (1, 3)


def test_scratch_of_one_seed_is_one_model() -> None:
    backbone = load_backbone("scratch")
    space = Space.load("quick", SCRATCH)
    one, same, other = (
        full_model(backbone, space, ("a", "b"), seed).layers[0].attention.query.weight for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_another_family_is_refused_by_naming_those_that_there_are(minilm: Backbone, tmp_path: Path) -> None:
    config = DistilBertConfig(vocab_size=len(minilm.tokenizer), dim=16, hidden_dim=16, n_layers=1, n_heads=2)
    DistilBertModel(config).save_pretrained(tmp_path)
    minilm.tokenizer.save_pretrained(tmp_path)
    assert "is a distilbert, which can't be cut here: take a bert" in one_line_error(str(tmp_path))


def test_relative_positions_are_refused(small_config: BertConfig, minilm: Backbone, tmp_path: Path) -> None:
    saved(BertModel(small_config), minilm, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "position_embedding_type": "relative_key"}))
    assert "relative positions" in one_line_error(str(tmp_path))


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    one_line_error(str(tmp_path))


def test_a_directory_without_weights_is_refused(small_config: BertConfig, minilm: Backbone, tmp_path: Path) -> None:
    small_config.save_pretrained(tmp_path)
    minilm.tokenizer.save_pretrained(tmp_path)
    assert "can't be read" in one_line_error(str(tmp_path))


def test_a_directory_with_broken_weights_is_refused(small_config: BertConfig, minilm: Backbone, tmp_path: Path) -> None:
    saved(BertModel(small_config), minilm, tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "can't be read" in one_line_error(str(tmp_path))


def test_a_directory_without_a_tokenizer_is_refused(small_config: BertConfig, tmp_path: Path) -> None:
    BertModel(small_config).save_pretrained(tmp_path)
    one_line_error(str(tmp_path))


def test_without_a_network_an_unknown_name_is_an_error_in_one_line(tmp_path: Path) -> None:
    program = (
        "from search.errors import UsageError\n"
        "from search.models.backbones import load_backbone\n"
        "try:\n"
        "    load_backbone('minilm-l7')\n"
        "except UsageError as error:\n"
        "    print(error)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("\n") == 1
    assert "'minilm-l7' is neither bundled (minilm-l6, scratch) nor a directory" in finished.stdout
