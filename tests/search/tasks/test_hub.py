from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

from search.errors import UsageError
from search.tasks import HubTask
from tests.conftest import tiny_rows, write_csv

pytestmark = pytest.mark.usefixtures("hub_cache")

ROWS = tiny_rows()
TRAIN, VALIDATION, TEST = ROWS[::2], ROWS[1::4], ROWS[3::4]


def write_parquet(path: Path, rows: list[tuple[str, int]], names: list[str]) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    columns = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    datasets.Dataset.from_dict(columns, features=features).to_parquet(path)


def numbered(rows: list[tuple[str, str]]) -> list[tuple[str, int]]:
    return [(text, int(label == "timers")) for text, label in rows]


def test_given_splits_are_used_as_they_are(tmp_path: Path) -> None:
    for name, rows in {"train": TRAIN, "validation": VALIDATION, "test": TEST}.items():
        write_csv(tmp_path / f"{name}.csv", rows)
    task = HubTask(hub=str(tmp_path)).load()
    assert task.labels == ("lights", "timers")
    for split, rows in ((task.train, TRAIN), (task.validation, VALIDATION), (task.test, TEST)):
        assert [(text, task.labels[i]) for text, i in zip(split.texts, split.labels, strict=True)] == rows


def test_missing_splits_are_carved(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ROWS)
    task = HubTask(hub=str(tmp_path)).load()
    assert [len(task.train), len(task.validation), len(task.test)] == [64, 8, 8]


def test_labels_have_the_names_that_the_data_set_gives_them(tmp_path: Path) -> None:
    write_parquet(tmp_path / "train.parquet", numbered(ROWS), ["switch", "clock"])
    task = HubTask(hub=str(tmp_path)).load()
    assert set(task.labels) == {"switch", "clock"}
    by_text = dict(zip(task.train.texts, task.train.labels, strict=True))
    assert all(
        task.labels[by_text[text]] == {"lights": "switch", "timers": "clock"}[label]
        for text, label in ROWS
        if text in by_text
    )


def test_a_test_split_of_hidden_labels_counts_as_none(tmp_path: Path) -> None:
    write_parquet(tmp_path / "train.parquet", numbered(ROWS), ["lights", "timers"])
    write_parquet(tmp_path / "test.parquet", [("hidden one", -1), ("hidden two", -1)], ["lights", "timers"])
    task = HubTask(hub=str(tmp_path)).load()
    assert len(task.test) == 8
    assert not {"hidden one", "hidden two"} & set(task.test.texts)


def test_unusual_columns_are_named_by_the_user(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ROWS, header=("said", "meant"))
    task = HubTask(hub=str(tmp_path), text="said", label="meant").load()
    assert task.labels == ("lights", "timers")


def test_unusual_columns_that_are_not_named_are_an_error_that_lists_them(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ROWS, header=("said", "meant"))
    with pytest.raises(UsageError, match="said, meant"):
        HubTask(hub=str(tmp_path)).load()


def test_rows_without_a_text_are_left_out(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*ROWS, ("   ", "lights"), ("", "timers")])
    task = HubTask(hub=str(tmp_path)).load()
    assert all(text for split in (task.train, task.validation, task.test) for text in split.texts)


def test_a_folder_without_a_train_split_is_an_error(tmp_path: Path) -> None:
    write_csv(tmp_path / "test.csv", ROWS)
    with pytest.raises(UsageError, match="no train split"):
        HubTask(hub=str(tmp_path)).load()


@pytest.mark.parametrize(
    "content",
    [
        '{"text": broken',
        "",
    ],
)
def test_broken_data_is_an_error_in_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        HubTask(hub=str(tmp_path)).load()
    assert "\n" not in str(caught.value)


def test_an_empty_folder_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        HubTask(hub=str(tmp_path)).load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["glue/sst2", "imdb", "owner/data/configuration"])
def test_without_a_network_a_hub_name_is_an_error_in_one_line(name: str, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from search.errors import UsageError\n"
        "from search.tasks import HubTask\n"
        "try:\n"
        "    HubTask(hub=sys.argv[1]).load()\n"
        "except UsageError as error:\n"
        "    print(error)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, name],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("\n") == 1
    assert f"hub data set {name} can't be fetched" in finished.stdout
