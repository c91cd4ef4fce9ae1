"""Checkpoints of bundles: a stock BERT where its shape can be expressed so, else an elastic encoder with its code."""

from __future__ import annotations

import json
from pathlib import Path

from transformers import BertConfig, BertForSequenceClassification, PreTrainedModel

from search.models.backbones import SHARED_FIELDS, elastic_names
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification

# The folder of a trial's checkpoint, beside its artefact.
CHECKPOINT = "checkpoint"


def save_checkpoint(model: ElasticForSequenceClassification, folder: Path) -> None:
    """Write a checkpoint that ``AutoModelForSequenceClassification`` loads; with ``elastic.py`` if it has to."""
    if is_stock(model.config):
        as_stock(model).save_pretrained(folder)
        return
    ElasticConfig.register_for_auto_class()
    ElasticForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
    model.save_pretrained(folder)


def load_checkpoint(folder: Path) -> PreTrainedModel:
    """The model of a checkpoint that was so written."""
    stock = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"] == "bert"
    kind = BertForSequenceClassification if stock else ElasticForSequenceClassification
    model: PreTrainedModel = kind.from_pretrained(folder)
    model.eval()
    return model


def is_stock(config: ElasticConfig) -> bool:
    """Whether transformers' BERT can have these sizes: layers alike, as many channels in the heads as outside."""
    alike = len({*config.heads}) == len({*config.ffn_sizes}) == 1
    whole = config.embedding_rank is None and config.dense_rank is None and not config.shared_layers
    return alike and whole and config.heads[0] * config.head_size == config.hidden_size


def as_stock(model: ElasticForSequenceClassification) -> BertForSequenceClassification:
    """The same encoder as transformers' BERT."""
    config = model.config
    stock = BertForSequenceClassification(
        BertConfig(
            hidden_size=config.hidden_size,
            num_hidden_layers=config.num_hidden_layers,
            num_attention_heads=config.heads[0],
            intermediate_size=config.ffn_sizes[0],
            **{name: getattr(config, name) for name in SHARED_FIELDS},
            id2label=config.id2label,
            label2id=config.label2id,
        )
    )
    weights = model.state_dict()
    names = elastic_names({name: name for name in stock.state_dict()})
    stock.load_state_dict({name: weights[elastic] for elastic, name in names.items()})
    stock.eval()
    return stock
