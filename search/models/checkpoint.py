"""Checkpoints of bundles: a stock class where the shape can be expressed so, else an elastic encoder with its code."""

from __future__ import annotations

import json
from pathlib import Path

from transformers import PreTrainedModel

from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from search.models.families import FAMILIES

# A trial's checkpoint lies in this folder, beside its artefact.
CHECKPOINT = "checkpoint"


def save_checkpoint(model: ElasticForSequenceClassification, folder: Path) -> None:
    """Write a checkpoint that ``AutoModelForSequenceClassification`` loads; with ``elastic.py`` if it has to."""
    if stock_class(model.config):
        as_stock(model).save_pretrained(folder)
        return
    ElasticConfig.register_for_auto_class()
    ElasticForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
    model.save_pretrained(folder)


def load_checkpoint(folder: Path) -> PreTrainedModel:
    """The model of a checkpoint that was so written."""
    model_type = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    written_as = FAMILIES[model_type].stock if model_type in FAMILIES else ElasticForSequenceClassification
    model: PreTrainedModel = written_as.from_pretrained(folder)
    model.eval()
    return model


def stock_class(config: ElasticConfig) -> type[PreTrainedModel] | None:
    """Transformers' own class for such an encoder: layers are alike, with as many channels in the heads as outside."""
    alike = len({*config.heads}) == len({*config.ffn_sizes}) == 1
    whole = config.embedding_rank is None and config.dense_rank is None and not config.shared_layers
    as_wide = config.heads[0] * config.head_size == config.hidden_size
    return FAMILIES[config.family].stock if alike and whole and as_wide else None


def as_stock(model: ElasticForSequenceClassification) -> PreTrainedModel:
    """The same encoder as transformers' own class."""
    family, config = FAMILIES[model.config.family], model.config
    stock = family.stock(family.write_config(config))
    stock.load_state_dict(family.write_weights(model.state_dict(), stock.state_dict(), config.pad_token_id))
    stock.eval()
    return stock
