"""BERT (Devlin et al. 2019, arXiv 1810.04805), and what has its type: MiniLM, TinyBERT."""

from __future__ import annotations

from transformers import BertForSequenceClassification

from search.models.families.family import Family


class Bert(Family):
    """Its configuration's names are the usual ones, and its positions begin at 0."""

    model_type = "bert"
    stock = BertForSequenceClassification
    renamed = (
        (r"^bert\.", ""),
        (r"^embeddings\.(word|position|token_type)_embeddings\.", r"embeddings.\1."),
        (r"^embeddings\.LayerNorm\.", "embeddings.norm."),
        (r"^encoder\.layer\.(\d+)\.", r"layers.\1."),
        (r"\.attention\.self\.", ".attention."),
        (r"\.attention\.output\.dense\.", ".attention.output."),
        (r"\.attention\.output\.LayerNorm\.", ".attention.norm."),
        (r"\.intermediate\.dense\.", ".feed_forward.expand."),
        (r"^(layers\.\d+)\.output\.dense\.", r"\1.feed_forward.contract."),
        (r"^(layers\.\d+)\.output\.LayerNorm\.", r"\1.feed_forward.norm."),
        (r"^pooler\.dense\.", "pooler."),
    )
