"""A family: encoders that one stock class of transformers reads and writes, and that become elastic ones and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel

from spaces import Shape

T = TypeVar("T")

# The elastic encoder calls its position embeddings so.
POSITIONS = "embeddings.position.weight"


class Family:
    """How the checkpoints of a family differ from the elastic encoder's.

    Configuration and weights are all that differs. For what a table can't say, such as that it has no token types, a
    family overrides the methods that read and write the two.

    Attributes:
        model_type: What transformers calls it.
        stock: Its text classifier in transformers, as which an encoder is saved whose shape allows that.
        sizes: What its configuration calls the depth, the heads, the FFN size and the hidden size.
        fields: What its configuration calls further fields of the elastic one.
        renamed: Patterns for its weights' names and, in their order, what makes them the elastic encoder's.
    """

    model_type: ClassVar[str]
    stock: ClassVar[type[PreTrainedModel]]
    sizes: ClassVar[Mapping[str, str]] = {
        "depth": "num_hidden_layers",
        "heads": "num_attention_heads",
        "ffn_size": "intermediate_size",
        "hidden_size": "hidden_size",
    }
    fields: ClassVar[Mapping[str, str]] = {
        "vocab_size": "vocab_size",
        "type_vocab_size": "type_vocab_size",
        "hidden_act": "hidden_act",
        "layer_norm_eps": "layer_norm_eps",
        "initializer_range": "initializer_range",
    }
    renamed: ClassVar[tuple[tuple[str, str], ...]]

    def position_offset(self, pad_token_id: int) -> int:
        """How many of its position embeddings come before that of a text's first word piece."""
        return 0

    def shape(self, config: PreTrainedConfig) -> Shape:
        """The full size of an encoder with a configuration of the family."""
        sizes = {size: getattr(config, name) for size, name in self.sizes.items()}
        return Shape(head_size=sizes["hidden_size"] // sizes["heads"], **sizes)

    def read_config(self, config: PreTrainedConfig) -> dict[str, Any]:
        """What the elastic encoder's configuration says beside the sizes, for one of the family."""
        pad_token_id = config.pad_token_id or 0
        return {
            "family": self.model_type,
            "max_position_embeddings": config.max_position_embeddings - self.position_offset(pad_token_id),
            "pad_token_id": pad_token_id,
            **{ours: getattr(config, name) for ours, name in self.fields.items()},
        }

    def write_config(self, config: PreTrainedConfig) -> PreTrainedConfig:
        """The family's configuration for that of an elastic encoder whose layers are alike."""
        sizes = {
            "depth": config.num_hidden_layers,
            "heads": config.heads[0],
            "ffn_size": config.ffn_sizes[0],
            "hidden_size": config.hidden_size,
        }
        fields: dict[str, Any] = {
            **{name: sizes[size] for size, name in self.sizes.items()},
            **{name: getattr(config, ours) for ours, name in self.fields.items()},
            "max_position_embeddings": config.max_position_embeddings + self.position_offset(config.pad_token_id),
            "pad_token_id": config.pad_token_id,
            "id2label": config.id2label,
            "label2id": config.label2id,
        }
        written: PreTrainedConfig = AutoConfig.for_model(self.model_type, **fields)
        return written

    def elastic_names(self, weights: Mapping[str, T]) -> dict[str, T]:
        """Weights of the family under the elastic encoder's names."""
        renamed = {}
        for name, weight in weights.items():
            for pattern, replacement in self.renamed:
                name = re.sub(pattern, replacement, name)
            renamed[name] = weight
        return renamed

    def read_weights(self, weights: Mapping[str, Tensor], pad_token_id: int) -> dict[str, Tensor]:
        """The elastic encoder's weights for those of the family."""
        elastic = self.elastic_names(weights)
        elastic[POSITIONS] = elastic[POSITIONS][self.position_offset(pad_token_id) :]
        return elastic

    def write_weights(
        self, weights: Mapping[str, Tensor], names: Iterable[str], pad_token_id: int
    ) -> dict[str, Tensor]:
        """The family's weights of these names for those of the elastic encoder; what padding alone reads is zero."""
        positions = functional.pad(weights[POSITIONS], (0, 0, self.position_offset(pad_token_id), 0))
        elastic = {**weights, POSITIONS: positions}
        return {name: elastic[ours] for ours, name in self.elastic_names({name: name for name in names}).items()}
