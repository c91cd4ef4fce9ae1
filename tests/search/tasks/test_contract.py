"""What holds for every task, whatever its source."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from search.tasks import FileTask, HomeIntents, HubTask, MovieSnippets, Task
from search.tasks.splits import identity
from tests.conftest import tiny_rows, write_csv

ROWS = tiny_rows()


@dataclass(frozen=True)
class Loaded:
    task: Task
    again: Callable[[], Task]


def csv_task(folder: Path) -> FileTask:
    return FileTask(path=write_csv(folder / "commands.csv", ROWS))


def jsonl_task(folder: Path) -> FileTask:
    lines = [json.dumps({"said": text, "meant": label}) for text, label in ROWS]
    (folder / "commands.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return FileTask(path=folder / "commands.jsonl", text="said", label="meant", metric="macro-f1")


def parquet_task(folder: Path) -> FileTask:
    pd.DataFrame(ROWS, columns=["text", "label"]).to_parquet(folder / "commands.parquet")
    return FileTask(path=folder / "commands.parquet")


def split_files_task(folder: Path) -> FileTask:
    return FileTask(
        path=write_csv(folder / "train.csv", ROWS[::2]),
        validation=write_csv(folder / "validation.csv", ROWS[1::4]),
        test=write_csv(folder / "test.csv", ROWS[3::4]),
    )


def hub_task(folder: Path) -> HubTask:
    write_csv(folder / "train.csv", ROWS)
    return HubTask(hub=str(folder))


def split_hub_task(folder: Path) -> HubTask:
    split_files_task(folder)
    return HubTask(hub=str(folder))


KINDS: dict[str, Callable[[Path], FileTask | HubTask | HomeIntents | MovieSnippets]] = {
    "csv": csv_task,
    "jsonl": jsonl_task,
    "parquet": parquet_task,
    "given splits": split_files_task,
    "hub": hub_task,
    "hub with given splits": split_hub_task,
    "home-intents": lambda folder: HomeIntents(),
    "home-intents in German": lambda folder: HomeIntents(language="de"),
    "movie-snippets": lambda folder: MovieSnippets(),
}


@pytest.fixture(scope="module", params=KINDS)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    if request.param.startswith("hub"):
        request.getfixturevalue("hub_cache")
    if request.param == "movie-snippets":
        request.getfixturevalue("movie_snippets")
    kind = KINDS[request.param](tmp_path_factory.mktemp("source"))
    return Loaded(kind.load(), kind.load)


class TestEveryTask:
    def test_the_test_split_is_not_read_by_loading(self, loaded: Loaded) -> None:
        assert "test" not in vars(loaded.again())

    def test_has_a_name_a_source_and_at_least_two_labels(self, loaded: Loaded) -> None:
        assert loaded.task.name
        assert loaded.task.source
        assert len(set(loaded.task.labels)) == len(loaded.task.labels) >= 2

    def test_every_split_has_texts_and_labels_in_range(self, loaded: Loaded) -> None:
        task = loaded.task
        for split in (task.train, task.validation, task.test):
            assert len(split) == len(split.texts) == len(split.labels) > 0
            assert all(isinstance(text, str) and text.strip() for text in split.texts)
            assert all(type(label) is int and 0 <= label < len(task.labels) for label in split.labels)

    def test_training_has_every_label(self, loaded: Loaded) -> None:
        assert set(loaded.task.train.labels) == set(range(len(loaded.task.labels)))

    def test_no_text_is_in_two_splits(self, loaded: Loaded) -> None:
        task = loaded.task
        train, validation, test = (
            {identity(text) for text in split.texts} for split in (task.train, task.validation, task.test)
        )
        assert not train & validation
        assert not train & test
        assert not validation & test

    def test_loading_again_gives_the_same_splits(self, loaded: Loaded) -> None:
        task, again = loaded.task, loaded.again()
        assert (again.labels, again.train, again.validation) == (task.labels, task.train, task.validation)
        assert again.test == task.test

    def test_perfect_answers_score_one_and_wrong_ones_nothing(self, loaded: Loaded) -> None:
        task = loaded.task
        wrong = [(label + 1) % len(task.labels) for label in task.validation.labels]
        assert task.score(task.validation.labels, task.validation.labels) == 1.0
        assert task.score(task.validation.labels, wrong) == 0.0

    def test_a_sample_is_part_of_its_split_without_repeats_and_always_the_same(self, loaded: Loaded) -> None:
        split = loaded.task.validation
        sample = split.sample(5, seed=3)
        assert len(set(sample.texts)) == len(sample) == 5
        assert set(zip(sample.texts, sample.labels, strict=True)) <= set(zip(split.texts, split.labels, strict=True))
        assert sample == split.sample(5, seed=3)
