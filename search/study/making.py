"""Making: a candidate's model is cut, built as an artefact and saved as a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from search.artifacts.build import build_artifact
from search.compression import Draft, Material, apply, steps_of_the_weights
from search.models.checkpoint import CHECKPOINT
from search.models.elastic import ElasticForSequenceClassification
from spaces import Candidate


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes models, artefacts and checkpoints of candidates.

    Attributes:
        tokenizer: The backbone's.
        max_tokens: Word pieces after which the task's texts are cut.
        material: What compressions need to know of the task.
    """

    tokenizer: PreTrainedTokenizerBase
    max_tokens: int
    material: Material

    def cut(self, candidate: Candidate, whole: ElasticForSequenceClassification) -> ElasticForSequenceClassification:
        """A candidate's model, with the weights that it inherits from a whole one."""
        return apply(steps_of_the_weights(candidate), self._draft(whole)).model

    def build(self, model: ElasticForSequenceClassification, candidate: Candidate, folder: Path) -> None:
        """Write the artefact of a model as the candidate would ship it."""
        build_artifact(self._draft(model), candidate.compression, folder, self.material)

    def save(self, model: ElasticForSequenceClassification, folder: Path) -> None:
        """Write a model's checkpoint beside its artefact."""
        model.save_pretrained(folder / CHECKPOINT)
        self.tokenizer.save_pretrained(folder / CHECKPOINT)

    def _draft(self, model: ElasticForSequenceClassification) -> Draft:
        return Draft(model=model, tokenizer=self.tokenizer, max_tokens=self.max_tokens)
