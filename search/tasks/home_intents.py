"""Spoken commands for a smart home, drawn from the sentence templates of Home Assistant."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Literal

import home_assistant_intents
import yaml
from hassil.expression import (
    Alternative,
    Expression,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    Sequence,
    TextChunk,
)
from hassil.intents import Intents, RangeSlotList, SlotList, TextSlotList
from hassil.util import normalize_whitespace
from pydantic import BaseModel, ConfigDict

from search.errors import UsageError
from search.tasks.splits import TEST_SHARE, VALIDATION_SHARE, carve, without_repeats
from search.tasks.task import SPLIT_SEED, Split, Task
from spaces import nearest

SENTENCES_PER_INTENT = 150
# Templates that say little repeat themselves; after this many draws an intent keeps what it has.
DRAWS_PER_SENTENCE = 5
NAMES = Path(__file__).with_name("home_names.yaml")


class HomeIntents(BaseModel):
    """Intent of spoken smart-home commands, in any language that home-assistant-intents knows.

    hassil's own sampler lists a template's sentences in order, so the first hundred differ in a word or
    two; here each sentence is a random walk through its template, which takes far fewer for the same variety.

    Attributes:
        name: Names this task.
        language: A code such as ``en``, ``de`` or ``pt-BR``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Literal["home-intents"] = "home-intents"
    language: str = "en"

    def load(self) -> Task:
        """Draw the sentences, the same ones every time, and split them."""
        intents = _intents(self.language)
        drawer = SentenceDrawer(intents, _home(self.language), random.Random(SPLIT_SEED))
        names, texts, labels = sorted(intents.intents), [], []
        for label, intent in enumerate(names):
            sentences = drawer.draw(intent, SENTENCES_PER_INTENT)
            texts.extend(sentences)
            labels.extend([label] * len(sentences))
        # A sentence that two intents share tells neither; the first keeps it.
        whole = without_repeats(Split(tuple(texts), tuple(labels)))
        spoken = sorted(set(whole.labels))
        relabelled = Split(whole.texts, tuple(spoken.index(label) for label in whole.labels))
        train, validation, test = carve(relabelled, (VALIDATION_SHARE, TEST_SHARE))
        return Task(
            name=self.name if self.language == "en" else f"{self.name}-{self.language}",
            labels=tuple(names[label] for label in spoken),
            train=train,
            validation=validation,
            read_test=lambda: test,
            source=f"sentences in '{self.language}' drawn from the templates of home-assistant-intents, CC-BY-4.0",
        )


class SentenceDrawer:
    """Draws random sentences from the templates of a language's intents.

    Args:
        intents: The templates.
        home: What fills the lists that every home fills itself: ``name``, ``area`` and ``floor``.
        rng: The only source of chance.
    """

    def __init__(self, intents: Intents, home: dict[str, list[str]], rng: random.Random) -> None:
        self._intents = intents
        self._lists: dict[str, SlotList] = dict(intents.slot_lists)
        self._lists |= {name: TextSlotList.from_strings(values, name=name) for name, values in home.items()}
        self._rng = rng

    def draw(self, intent: str, n: int) -> list[str]:
        """At most ``n`` different sentences of an intent, each template being as likely as the next."""
        templates = [
            (sentence, {**self._intents.expansion_rules, **block.expansion_rules})
            for block in self._intents.intents[intent].data
            for sentence in block.sentences
            if self._can_fill(sentence, {**self._intents.expansion_rules, **block.expansion_rules})
        ]
        sentences: dict[str, None] = {}
        for _ in range(DRAWS_PER_SENTENCE * n if templates else 0):
            sentence, rules = self._rng.choice(templates)
            sentences[normalize_whitespace(self._walk(sentence.expression, rules)).strip()] = None
            if len(sentences) == n:
                break
        return [text for text in sentences if text]

    def _can_fill(self, sentence: Sentence, rules: dict[str, Sentence]) -> bool:
        """Whether every list of the template has values; a wildcard (any words at all) has none."""
        return all(
            isinstance(self._lists.get(name), TextSlotList | RangeSlotList) for name in sentence.list_names(rules)
        )

    def _walk(self, expression: Expression, rules: dict[str, Sentence]) -> str:
        match expression:
            case TextChunk():
                return expression.original_text
            case Alternative():
                return self._walk(self._rng.choice(expression.items), rules)
            case Permutation():
                items = self._rng.sample(expression.items, len(expression.items))
                return " ".join(self._walk(item, rules) for item in items)
            case Sequence():
                return "".join(self._walk(item, rules) for item in expression.items)
            case RuleReference():
                return self._walk(rules[expression.rule_name].expression, rules)
            case ListReference():
                values = self._lists[expression.list_name]
                if isinstance(values, RangeSlotList):
                    return str(self._rng.choice(list(values.get_numbers())))
                assert isinstance(values, TextSlotList)
                return self._walk(self._rng.choice(values.values).text_in, rules)
        raise TypeError(f"hassil has a kind of expression that is not known here: {type(expression).__name__}")


def _intents(language: str) -> Intents:
    raw: dict[str, Any] | None = home_assistant_intents.get_intents(language)
    if raw is None:
        known = home_assistant_intents.get_languages()
        raise UsageError(
            f"task 'home-intents' has no language '{language}'{nearest(language, known)};"
            f" known: {', '.join(sorted(known))}"
        )
    return Intents.from_dict(raw)


def _home(language: str) -> dict[str, list[str]]:
    homes: dict[str, dict[str, list[str]]] = yaml.safe_load(NAMES.read_text(encoding="utf-8"))
    return homes.get(language.split("-")[0], homes["en"])
