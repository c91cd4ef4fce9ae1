from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest

from search.errors import UsageError
from search.tasks import FileTask, Task, TaskChoice
from search.tasks.splits import identity
from tests.conftest import tiny_rows, write_csv

Rows = list[tuple[str, str]]


def write_tsv(path: Path, rows: Rows) -> Path:
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return path


def write_jsonl(path: Path, rows: Rows) -> Path:
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_parquet(path: Path, rows: Rows) -> Path:
    pd.DataFrame(rows, columns=["text", "label"]).to_parquet(path)
    return path


WRITERS: dict[str, Callable[[Path, Rows], Path]] = {
    ".csv": write_csv,
    ".tsv": write_tsv,
    ".jsonl": write_jsonl,
    ".parquet": write_parquet,
}


def one_line_error(task: FileTask) -> str:
    with pytest.raises(UsageError) as caught:
        task.load()
    message = str(caught.value)
    assert "\n" not in message
    return message


def content(task: Task) -> tuple[object, ...]:
    return task.name, task.labels, task.train, task.validation, task.test


@pytest.mark.parametrize("suffix", [".tsv", ".jsonl", ".parquet", ".CSV"])
def test_every_kind_of_file_gives_the_same_task(suffix: str, tmp_path: Path) -> None:
    rows = [*tiny_rows(), ('say "hello, world"', "lights"), ("schalte das Licht für Zoë an", "lights")]
    expected = FileTask(path=write_csv(tmp_path / "commands.csv", rows)).load()
    other = WRITERS[suffix.lower()](tmp_path / f"commands{suffix}", rows)
    assert content(FileTask(path=other).load()) == content(expected)


def test_the_columns_may_have_other_names(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "commands.csv", tiny_rows(), header=("said", "meant"))
    assert FileTask(path=path, text="said", label="meant").load().labels == ("lights", "timers")


@pytest.mark.parametrize("suffix", WRITERS)
def test_words_that_look_like_numbers_or_gaps_stay_words(suffix: str, tmp_path: Path) -> None:
    rows = [(text, {"lights": "01", "timers": "null"}[label]) for text, label in tiny_rows()]
    rows += [("007", "01"), ("NA", "null"), ("true", "01"), ("1e5", "null")]
    task = FileTask(path=WRITERS[suffix](tmp_path / f"odd{suffix}", rows)).load()
    assert task.labels == ("01", "null")
    texts = {text for split in (task.train, task.validation, task.test) for text in split.texts}
    assert {"007", "NA", "true", "1e5"} <= texts


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_numbers_as_labels_are_named_as_they_are_written(suffix: str, tmp_path: Path) -> None:
    rows = [{"text": text, "label": int(label == "timers")} for text, label in tiny_rows()]
    path = tmp_path / f"numbers{suffix}"
    if suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    else:
        pd.DataFrame(rows).to_parquet(path)
    assert FileTask(path=path).load().labels == ("0", "1")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_row_without_a_label_leaves_the_names_of_numbered_labels_alone(suffix: str, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": text, "label": int(label == "timers")} for text, label in tiny_rows()]
    rows.append({"text": "nobody knows", "label": None})
    path = tmp_path / f"numbers{suffix}"
    if suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert FileTask(path=path).load().labels == ("0", "1")


def test_rows_without_a_text_or_a_label_are_left_out(tmp_path: Path) -> None:
    rows = [*tiny_rows(), ("", "lights"), ("   ", "timers"), ("no label", ""), ("blank label", "  ")]
    task = FileTask(path=write_csv(tmp_path / "gaps.csv", rows)).load()
    assert task.labels == ("lights", "timers")
    assert len(task.train) + len(task.validation) + len(task.test) == 80


def test_given_files_are_used_as_they_are(tmp_path: Path) -> None:
    rows = tiny_rows()
    validation = [(rows[0][0].upper(), rows[0][1]), rows[79], rows[79]]
    test = [rows[1], ("never heard before", "timers")]
    task = FileTask(
        path=write_csv(tmp_path / "train.csv", rows),
        validation=write_tsv(tmp_path / "validation.tsv", validation),
        test=write_jsonl(tmp_path / "test.jsonl", test),
    ).load()
    assert task.validation.texts == tuple(text for text, _ in validation)
    assert task.test.texts == tuple(text for text, _ in test)
    assert [task.labels[label] for label in task.test.labels] == ["lights", "timers"]


def test_a_training_text_that_stands_in_validation_is_dropped(tmp_path: Path) -> None:
    rows = tiny_rows()
    validation = write_csv(tmp_path / "validation.csv", [(rows[0][0].upper(), "lights"), rows[79]])
    task = FileTask(path=write_csv(tmp_path / "train.csv", rows), validation=validation).load()
    learned = {identity(text) for text in (*task.train.texts, *task.test.texts)}
    assert not learned & {identity(rows[0][0]), identity(rows[79][0])}
    assert len(learned) == 78


@pytest.mark.parametrize(
    "broken", ["", "nothing,of,use\n1,2,3\n", 'text,label\n"open quote,lights\n', "text,label\nclose it,blinds\n"]
)
def test_the_test_file_is_not_read_before_the_test_split_is_asked_for(
    broken: str, tiny_csv: Path, tmp_path: Path
) -> None:
    test = tmp_path / "test.csv"
    test.write_text(broken, encoding="utf-8")
    task = FileTask(path=tiny_csv, test=test).load()
    assert len(task.validation) == 8
    with pytest.raises(UsageError):
        task.test  # noqa: B018


def test_a_missing_test_file_is_told_before_a_study_spends_time(tiny_csv: Path, tmp_path: Path) -> None:
    assert "nowhere.csv" in one_line_error(FileTask(path=tiny_csv, test=tmp_path / "nowhere.csv"))


@pytest.mark.parametrize("key", ["path", "validation"])
def test_a_missing_file_is_named(key: str, tiny_csv: Path, tmp_path: Path) -> None:
    paths = {"path": tiny_csv, key: tmp_path / "nowhere.csv"}
    assert "there is no file" in one_line_error(FileTask(**paths))


def test_a_missing_column_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "commands.csv", tiny_rows(), header=("texts", "label"))
    message = one_line_error(FileTask(path=path))
    assert "no column 'text'" in message
    assert "did you mean 'texts'?" in message


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_empty_file_is_an_error_in_one_line(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"empty{suffix}"
    path.touch()
    assert str(path) in one_line_error(FileTask(path=path))


def test_a_file_with_a_header_alone_is_an_error(tmp_path: Path) -> None:
    assert "no row" in one_line_error(FileTask(path=write_csv(tmp_path / "header.csv", [])))


def test_a_file_of_one_class_is_an_error(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "one.csv", [row for row in tiny_rows() if row[1] == "lights"])
    assert "1 label" in one_line_error(FileTask(path=path))


def test_an_unknown_suffix_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "commands.xlsx"
    path.touch()
    assert ".csv, .tsv, .jsonl, .parquet" in one_line_error(FileTask(path=path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.jsonl", b'{"text": "turn on", "label": "lights"}\n{"text": "turn'),
        ("list.jsonl", b'["turn on", "lights"]\n["wake me", "timers"]\n'),
        ("scalar.jsonl", b'"turn on"\n'),
        ("latin1.csv", "text,label\nöffne das Tor,doors\n".encode("latin-1")),
        ("ragged.csv", b"text,label\nturn on,lights\nturn on, please,lights\n"),
        ("csv.parquet", b"text,label\nturn on,lights\n"),
        ("zeros.csv", bytes(64)),
    ],
)
def test_a_broken_file_is_an_error_in_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert str(path) in one_line_error(FileTask(path=path))


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    assert "there is no file" in one_line_error(FileTask(path=folder))


def test_a_label_unseen_in_training_is_an_error_that_names_it(tiny_csv: Path, tmp_path: Path) -> None:
    validation = write_csv(tmp_path / "validation.csv", [("close the blinds", "blinds")])
    assert "'blinds'" in one_line_error(FileTask(path=tiny_csv, validation=validation))


def test_a_path_alone_names_a_file_task(tiny_csv: Path) -> None:
    assert TaskChoice(task=str(tiny_csv)).task == FileTask(path=tiny_csv)


def test_a_misspelt_key_is_answered_with_the_nearest(tiny_csv: Path) -> None:
    with pytest.raises(UsageError, match="unknown key 'lable', did you mean 'label'"):
        TaskChoice(task={"path": str(tiny_csv), "lable": "kind"})


def test_a_misspelt_task_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'movie-snippets'"):
        TaskChoice(task="movie-snipets")
