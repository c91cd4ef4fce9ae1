from __future__ import annotations

from collections import Counter

import pytest

from search.errors import UsageError
from search.tasks.assemble import Rows, Source, assemble
from search.tasks.splits import identity
from tests.conftest import tiny_rows


def not_to_be_read() -> Rows:
    raise AssertionError("the test rows were read")


def test_a_tenth_is_carved_for_each_split_that_is_missing() -> None:
    task = assemble(Source(name="tiny", train=tiny_rows()))
    assert task.labels == ("lights", "timers")
    assert [len(task.train), len(task.validation), len(task.test)] == [64, 8, 8]
    assert Counter(task.test.labels) == {0: 4, 1: 4}


def test_labels_keep_to_their_texts() -> None:
    task = assemble(Source(name="tiny", train=tiny_rows()))
    expected = dict(tiny_rows())
    for split in (task.train, task.validation, task.test):
        assert all(task.labels[label] == expected[text] for text, label in zip(split.texts, split.labels, strict=True))


def test_given_splits_are_used_as_they_are_repeats_and_all() -> None:
    given = [("Same words", "lights"), ("same  words", "lights"), ("other words", "timers")]
    task = assemble(Source(name="tiny", train=tiny_rows(), validation=given, read_test=lambda: given))
    assert task.validation.texts == ("Same words", "same  words", "other words")
    assert task.test.labels == (0, 0, 1)
    assert len(task.train) == 80


def test_with_given_validation_rows_only_the_test_split_is_carved() -> None:
    given = [("one", "lights"), ("two", "timers")]
    task = assemble(Source(name="tiny", train=tiny_rows(), validation=given))
    assert [len(task.train), len(task.validation), len(task.test)] == [72, 2, 8]


def test_training_texts_that_stand_in_validation_are_dropped() -> None:
    held_out = tiny_rows()[0][0]
    given = [(f"  {held_out.upper()} ", "lights"), ("something else", "timers")]
    task = assemble(Source(name="tiny", train=tiny_rows(), validation=given))
    assert identity(held_out) not in {identity(text) for text in (*task.train.texts, *task.test.texts)}


def test_training_texts_that_repeat_are_kept_once() -> None:
    task = assemble(Source(name="tiny", train=[*tiny_rows(), *tiny_rows()]))
    assert len(task.train) + len(task.validation) + len(task.test) == 80


def test_the_test_rows_are_not_read_before_the_test_split_is_asked_for() -> None:
    task = assemble(Source(name="tiny", train=tiny_rows(), read_test=not_to_be_read))
    assert len(task.validation) == 8
    with pytest.raises(AssertionError, match="were read"):
        task.test  # noqa: B018


def test_a_label_that_training_lacks_is_an_error_that_names_it() -> None:
    with pytest.raises(UsageError, match="'blinds' occurs in a held-out split but never in training"):
        assemble(Source(name="tiny", train=tiny_rows(), validation=[("close them", "blinds")]))


def test_a_test_label_that_training_lacks_is_an_error_once_the_test_split_is_asked_for() -> None:
    task = assemble(Source(name="tiny", train=tiny_rows(), read_test=lambda: [("close them", "blinds")]))
    with pytest.raises(UsageError, match="blinds"):
        task.test  # noqa: B018


def test_one_label_is_too_few() -> None:
    with pytest.raises(UsageError, match="1 label"):
        assemble(Source(name="tiny", train=[(f"text {i}", "lights") for i in range(40)]))


def test_a_label_whose_only_texts_stand_in_validation_cannot_be_learned() -> None:
    lights = [row for row in tiny_rows() if row[1] == "lights"]
    with pytest.raises(UsageError, match="1 label"):
        assemble(
            Source(name="tiny", train=[*lights, ("start a timer", "timers")], validation=[("Start a timer", "timers")])
        )


def test_too_few_texts_to_hold_any_out_is_an_error_that_says_how_many_it_takes() -> None:
    with pytest.raises(UsageError, match="at least 6 different texts"):
        assemble(Source(name="tiny", train=[("a", "lights"), ("b", "timers"), ("c", "lights")]))


def test_too_few_texts_to_hold_a_test_split_out_is_an_error_too() -> None:
    train = [(f"text {i}", ("lights", "timers")[i % 2]) for i in range(8)]
    with pytest.raises(UsageError):
        assemble(Source(name="tiny", train=train, validation=[("one", "lights"), ("two", "timers")]))


def test_metric_length_and_origin_reach_the_task() -> None:
    task = assemble(Source(name="tiny", train=tiny_rows(), origin="a drawer"), metric="macro-f1", max_tokens=7)
    assert (task.metric, task.max_tokens, task.source) == ("macro-f1", 7, "a drawer")


def test_macro_f1_counts_every_label_alike() -> None:
    task = assemble(Source(name="tiny", train=tiny_rows()), metric="macro-f1")
    assert task.score([0, 0, 0, 1], [0, 0, 0, 0]) == pytest.approx((6 / 7 + 0) / 2)


def test_accuracy_is_the_share_of_right_answers() -> None:
    task = assemble(Source(name="tiny", train=tiny_rows()))
    assert task.score([0, 0, 0, 1], [0, 0, 0, 0]) == pytest.approx(0.75)
