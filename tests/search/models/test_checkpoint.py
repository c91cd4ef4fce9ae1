from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification

from search.models.checkpoint import load_checkpoint, save_checkpoint, stock_class
from search.models.elastic import ElasticConfig
from search.study.workbench import Workbench
from spaces import Architecture, Candidate, Compression
from tests.search.encoders import small_encoder, small_inputs

NARROW = Architecture.uniform((0, 5), heads=6, ffn_size=384, hidden_size=192)


def test_a_shape_that_bert_has_is_a_stock_bert(bench: Workbench, tmp_path: Path) -> None:
    model = bench.maker.cut(Candidate(architecture=NARROW, compression=Compression()), bench.pretrained)
    save_checkpoint(model, tmp_path)
    assert not (tmp_path / "elastic.py").exists()
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    ids = torch.tensor([bench.backbone.tokenizer("turn on the light")["input_ids"]])
    with torch.inference_mode():
        expected = model(ids).logits
        torch.testing.assert_close(loaded(ids).logits, expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(load_checkpoint(tmp_path)(ids).logits, expected, atol=1e-5, rtol=0)
    assert loaded.config.id2label == model.config.id2label


@pytest.mark.parametrize(
    "sizes",
    [
        {"heads": (4, 3, 4)},
        {"heads": (3, 3, 3)},
        {"ffn_sizes": (12, 12, 5)},
        {"embedding_rank": 4},
        {"dense_rank": 2},
        {"shared_layers": True},
    ],
    ids=str,
)
def test_any_other_shape_brings_its_code(sizes: dict[str, object], tmp_path: Path) -> None:
    config = ElasticConfig.from_dict({**small_encoder().config.to_dict(), **sizes})
    assert stock_class(small_encoder().config) is BertForSequenceClassification
    assert stock_class(config) is None
    model = type(small_encoder())(config).eval()
    save_checkpoint(model, tmp_path)
    assert (tmp_path / "elastic.py").is_file()
    with torch.inference_mode():
        expected = model(*small_inputs()).logits
        torch.testing.assert_close(load_checkpoint(tmp_path)(*small_inputs()).logits, expected)


def test_a_checkpoint_that_does_not_tell_its_family_is_a_bert(tmp_path: Path) -> None:
    small_encoder(embedding_rank=4).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["family"]  # as version 0.1.0 wrote it
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert load_checkpoint(tmp_path).config.family == "bert"
