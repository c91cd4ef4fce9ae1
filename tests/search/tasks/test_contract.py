"""The tasks that there are, by their sources."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from search.tasks import FileTask, HomeIntents, HubTask, MovieSnippets
from tests.conftest import tiny_rows, write_csv
from tests.contracts.tasks import EverySingleLabelTask

ROWS = tiny_rows()


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


class TestFiles(EverySingleLabelTask):
    @pytest.fixture(scope="class", params=[csv_task, jsonl_task, parquet_task, split_files_task])
    def source(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FileTask:
        written: Callable[[Path], FileTask] = request.param
        return written(tmp_path_factory.mktemp("files"))


@pytest.mark.usefixtures("hub_cache")
class TestHub(EverySingleLabelTask):
    @pytest.fixture(scope="class", params=[hub_task, split_hub_task])
    def source(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HubTask:
        written: Callable[[Path], HubTask] = request.param
        return written(tmp_path_factory.mktemp("hub"))


class TestHomeIntents(EverySingleLabelTask):
    @pytest.fixture(scope="class", params=["en", "de"])
    def source(self, request: pytest.FixtureRequest) -> HomeIntents:
        return HomeIntents(language=request.param)


@pytest.mark.usefixtures("movie_snippets")
class TestMovieSnippets(EverySingleLabelTask):
    @pytest.fixture(scope="class")
    def source(self) -> MovieSnippets:
        return MovieSnippets()
