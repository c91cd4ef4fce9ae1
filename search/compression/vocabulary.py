"""The vocabulary: word pieces that a task hardly needs are left out, and any text can still be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from search.compression.step import Draft, Step
from search.models.assembling import WORDS, assembled, taken_apart

# BERT keeps places free in its vocabulary, and calls them so.
UNUSED = re.compile(r"\[unused\d+\]")


@dataclass(frozen=True)
class TrimVocabulary(Step):
    """Keep some word pieces, in the order of their ids; a word that lost its own piece is read as smaller ones."""

    kept: Sequence[int]

    def apply(self, draft: Draft) -> Draft:
        """The draft with the smaller tokenizer, and the embeddings of its pieces."""
        config, weights = taken_apart(draft.model)
        weights[WORDS] = weights[WORDS][list(self.kept)]
        config.vocab_size = len(self.kept)
        config.pad_token_id = self.kept.index(config.pad_token_id)
        return replace(draft, model=assembled(config, weights), tokenizer=trimmed(draft.tokenizer, self.kept))


def pieces_by_need(tokenizer: PreTrainedTokenizerBase, texts: Iterable[Sequence[int]]) -> tuple[list[int], int]:
    """The ids of all word pieces, the most needed first, and how many of them can't be left out.

    Needed are those that the texts use, the special ones, and every single character, of which any other word can
    be made. The rest is in the order of the vocabulary, which BERT's has by frequency in its pretraining. Of a
    tokenizer of another kind than WordPiece, all are needed.

    Args:
        tokenizer: Whose pieces to sort.
        texts: The ids of each text's pieces.
    """
    vocabulary = tokenizer.get_vocab()
    if json.loads(tokenizer.backend_tokenizer.to_str())["model"]["type"] != "WordPiece":
        return sorted(vocabulary.values()), len(vocabulary)
    used = {piece for ids in texts for piece in ids}
    characters = {index for piece, index in vocabulary.items() if len(piece.removeprefix("##")) == 1}
    needed = used | characters | set(tokenizer.all_special_ids)
    free = {index for piece, index in vocabulary.items() if UNUSED.fullmatch(piece)} - needed
    rest = set(vocabulary.values()) - needed - free
    return [*sorted(needed), *sorted(rest), *sorted(free)], len(needed)


def trimmed(tokenizer: PreTrainedTokenizerBase, kept: Sequence[int]) -> PreTrainedTokenizerFast:
    """A tokenizer with these of its word pieces, numbered anew in their order."""
    new_ids = {old: new for new, old in enumerate(kept)}
    state: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    pieces: dict[str, int] = state["model"]["vocab"]
    state["model"]["vocab"] = {piece: new_ids[old] for piece, old in pieces.items() if old in new_ids}
    for token in state["added_tokens"]:
        token["id"] = new_ids[token["id"]]
    state["padding"] = None
    processor = state["post_processor"]
    for special in processor.get("special_tokens", {}).values():  # a template
        special["ids"] = [new_ids[old] for old in special["ids"]]
    for end in {"cls", "sep"} & processor.keys():  # BERT's own kind
        processor[end][1] = new_ids[processor[end][1]]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        **tokenizer.special_tokens_map,
    )


def unknown_rate(tokenizer: Tokenizer, texts: Iterable[str]) -> float:
    """The share of unknown pieces among those of the texts."""
    pieces = [piece for one in tokenizer.encode_batch(list(texts), add_special_tokens=False) for piece in one.tokens]
    return pieces.count(tokenizer.model.unk_token) / max(1, len(pieces))
