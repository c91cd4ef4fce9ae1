from __future__ import annotations

import pytest

from search.errors import UsageError
from search.tasks import HomeIntents, TaskChoice
from search.tasks.splits import identity

LANGUAGES = ["en", "de", "fr", "nl", "pl", "zh-CN"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_in_two_splits_or_twice(language: str) -> None:
    task = HomeIntents(language=language).load()
    identities = [identity(text) for split in (task.train, task.validation, task.test) for text in split.texts]
    assert len(set(identities)) == len(identities)
    assert len(identities) > 500


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_finished(language: str) -> None:
    task = HomeIntents(language=language).load()
    for text in (*task.train.texts, *task.validation.texts, *task.test.texts):
        assert text == text.strip()
        assert not set("{}[]<>|") & set(text), text


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_load_draws_the_same(language: str) -> None:
    one, other = HomeIntents(language=language).load(), HomeIntents(language=language).load()
    assert (one.labels, one.train, one.validation, one.test) == (
        other.labels,
        other.train,
        other.validation,
        other.test,
    )


def test_languages_say_different_things_about_the_same_intents() -> None:
    english, german = HomeIntents().load(), HomeIntents(language="de").load()
    assert "HassTurnOn" in set(english.labels) & set(german.labels)
    assert not set(english.validation.texts) & set(german.validation.texts)
    assert (english.name, german.name) == ("home-intents", "home-intents-de")


def test_the_home_has_names_in_its_language() -> None:
    texts = " ".join(HomeIntents(language="de").load().train.texts)
    assert "Küche" in texts
    assert "kitchen" not in texts


def test_intents_have_sentences_of_their_own_kind() -> None:
    task = HomeIntents().load()
    locks = task.labels.index("HassStartTimer")
    texts = [text for text, label in zip(task.train.texts, task.train.labels, strict=True) if label == locks]
    assert len(texts) > 50
    assert sum("timer" in text for text in texts) > len(texts) / 2


def test_an_unknown_language_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no language 'dee', did you mean 'de'"):
        HomeIntents(language="dee").load()


def test_a_study_names_the_language_beside_the_task() -> None:
    choice = TaskChoice(task={"name": "home-intents", "language": "nl"})
    assert choice.task == HomeIntents(language="nl")
