from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import UsageError
from search.tasks.splits import identity
from search.tasks.unlabelled import read_unlabelled

Writer = Callable[[Path, list[str]], Path]

TEXTS = ["dim the lamp in the loft", "wie spät ist es, Zoë?", "NA", "007"]


def as_lines(folder: Path, texts: list[str]) -> Path:
    path = folder / "texts.txt"
    path.write_text("\n".join(texts), encoding="utf-8")
    return path


def as_table(folder: Path, texts: list[str], column: str = "text") -> Path:
    path = folder / "texts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([["id", column], *([number, text] for number, text in enumerate(texts))])
    return path


def refusal(path: Path, known: tuple[str, ...] = ()) -> str:
    with pytest.raises(UsageError) as caught:
        read_unlabelled(path, known)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


@pytest.mark.parametrize("write", [as_lines, as_table])
def test_every_kind_of_file_gives_its_texts_in_order(write: Writer, tmp_path: Path) -> None:
    assert read_unlabelled(write(tmp_path, TEXTS), ()) == TEXTS


def test_the_other_kinds_of_tables_are_read_too_and_gaps_in_them_are_no_texts(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    lines = [{"text": "dim the lamp"}, {"text": None}, {"text": 7, "label": "lights"}]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert read_unlabelled(path, ()) == ["dim the lamp", "7"]


def test_a_comma_in_a_line_of_text_is_a_part_of_it(tmp_path: Path) -> None:
    assert read_unlabelled(as_lines(tmp_path, ['say "hello, world", please']), ()) == ['say "hello, world", please']


@pytest.mark.parametrize("write", [as_lines, as_table])
def test_a_text_comes_once_whatever_its_case_and_spacing(write: Writer, tmp_path: Path) -> None:
    texts = ["  Dim the lamp ", "dim the LAMP", "", "   ", "dim  the lamp", "raise the blinds", "Dim the lamp"]
    assert read_unlabelled(write(tmp_path, texts), ()) == ["Dim the lamp", "raise the blinds"]


def test_known_texts_are_left_out(tmp_path: Path) -> None:
    path = as_lines(tmp_path, ["Turn on  the light", "dim the lamp", "raise the blinds"])
    assert read_unlabelled(path, ["turn on the light", "RAISE THE BLINDS"]) == ["dim the lamp"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]))), st.sets(st.text(max_size=3)))
def test_what_is_read_is_new_once_and_complete(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], known: set[str]
) -> None:
    path = as_lines(tmp_path_factory.mktemp("texts"), texts)
    wanted = {identity(text) for text in texts} - {identity(text) for text in known} - {""}
    if not wanted:
        assert "no text" in refusal(path, tuple(known))
        return
    read = read_unlabelled(path, known)
    assert len(read) == len(wanted)
    assert {identity(text) for text in read} == wanted


@pytest.mark.parametrize("write", [as_lines, as_table])
@pytest.mark.parametrize("texts", [[], ["", "  "], ["Turn on the light"]])
def test_a_file_without_a_new_text_is_refused(write: Writer, texts: list[str], tmp_path: Path) -> None:
    assert "no text that the task doesn't have already" in refusal(write(tmp_path, texts), ("turn on the light",))


@pytest.mark.parametrize("name", ["nowhere.txt", "nowhere.csv"])
def test_a_missing_file_is_refused(name: str, tmp_path: Path) -> None:
    refusal(tmp_path / name)


def test_a_table_without_the_column_is_refused_with_the_remedy(tmp_path: Path) -> None:
    said = refusal(as_table(tmp_path, TEXTS, column="sentence"))
    assert "no column 'text'" in said
    assert ".txt" in said


def test_what_is_neither_lines_nor_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "texts.pdf").write_bytes(b"%PDF-1.7")
    assert "not a kind of file" in refusal(tmp_path / "texts.pdf")
    (tmp_path / "texts.txt").write_bytes("Küche".encode("latin-1"))
    assert "can't be read" in refusal(tmp_path / "texts.txt")
    (tmp_path / "folder.txt").mkdir()
    assert "can't be read" in refusal(tmp_path / "folder.txt")
