"""What every task owes, whatever its source: splits that share nothing, and are always the same."""

from __future__ import annotations

from typing import Protocol

import pytest

from search.tasks import Task
from search.tasks.kinds import KINDS
from search.tasks.splits import identity


class Source(Protocol):
    """What a study file's `task:` is read into."""

    def load(self) -> Task: ...


class EveryTask:
    """A class that inherits gives the fixture ``source``, of the scope of the class."""

    @pytest.fixture(scope="class")
    def task(self, source: Source) -> Task:
        return source.load()

    def test_the_test_split_is_not_read_by_loading(self, source: Source) -> None:
        assert "test" not in vars(source.load())

    def test_it_has_a_name_a_source_and_at_least_two_labels(self, task: Task) -> None:
        assert task.name
        assert task.source
        assert len(set(task.labels)) == len(task.labels) >= 2

    def test_it_is_of_a_known_kind_and_scored_by_a_metric_of_it(self, task: Task) -> None:
        assert KINDS[task.kind.name] == task.kind
        assert task.metric in task.kind.metrics

    def test_every_split_has_texts_with_labels(self, task: Task) -> None:
        for split in (task.train, task.validation, task.test):
            assert len(split) == len(split.texts) == len(split.labels) > 0
            assert all(isinstance(text, str) and text.strip() for text in split.texts)

    def test_training_has_every_stratum(self, task: Task) -> None:
        train, validation, test = (
            {*task.kind.strata(split.labels).tolist()} for split in (task.train, task.validation, task.test)
        )
        assert train >= validation | test

    def test_no_text_is_in_two_splits(self, task: Task) -> None:
        train, validation, test = (
            {identity(text) for text in split.texts} for split in (task.train, task.validation, task.test)
        )
        assert not train & validation
        assert not train & test
        assert not validation & test

    def test_loading_again_gives_the_same_splits(self, source: Source, task: Task) -> None:
        again = source.load()
        assert (again.labels, again.train, again.validation) == (task.labels, task.train, task.validation)
        assert again.test == task.test

    def test_perfect_answers_score_one(self, task: Task) -> None:
        assert task.score(task.validation.labels, task.validation.labels) == 1.0

    def test_a_sample_is_part_of_its_split_without_repeats_and_always_the_same(self, task: Task) -> None:
        split = task.validation
        sample = split.sample(5, seed=3)
        assert len(set(sample.texts)) == len(sample) == 5
        assert set(zip(sample.texts, sample.labels, strict=True)) <= set(zip(split.texts, split.labels, strict=True))
        assert sample == split.sample(5, seed=3)


class EverySingleLabelTask(EveryTask):
    """What holds besides where a text has one label, which is known by its index."""

    def test_labels_are_in_range(self, task: Task) -> None:
        for split in (task.train, task.validation, task.test):
            assert all(type(label) is int and 0 <= label < len(task.labels) for label in split.labels)

    def test_training_has_every_label(self, task: Task) -> None:
        assert set(task.train.labels) == set(range(len(task.labels)))

    def test_wrong_answers_score_nothing(self, task: Task) -> None:
        wrong = [(label + 1) % len(task.labels) for label in task.validation.labels]
        assert task.score(task.validation.labels, wrong) == 0.0
