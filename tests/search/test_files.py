from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from search.files import digest, sha256_of, whole_folder, write_whole


def test_a_folder_is_there_once_it_is_filled(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "place"
    with whole_folder(place) as whole:
        (whole / "file").write_text("filled")
        assert not place.exists()
    assert (place / "file").read_text() == "filled"
    assert list(place.parent.iterdir()) == [place]


def test_nothing_is_there_if_filling_it_fails(tmp_path: Path) -> None:
    def fill() -> None:
        with whole_folder(tmp_path / "place") as whole:
            (whole / "file").write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_in_its_place_gives_way_and_a_full_one_does_not(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with whole_folder(place) as whole:
        (whole / "file").write_text("first")
    with pytest.raises(OSError, match="not empty"), whole_folder(place) as whole:
        (whole / "file").write_text("second")
    assert (place / "file").read_text() == "first"


@pytest.mark.parametrize("content", ["Grüße\n", b"\x00\xff"])
def test_a_file_is_replaced_whole(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "file.txt"
    write_whole(path, "before")
    write_whole(path, content)
    wanted = content if isinstance(content, bytes) else content.encode()
    assert path.read_bytes() == wanted
    assert sha256_of(path) == hashlib.sha256(wanted).hexdigest()
    assert list(tmp_path.iterdir()) == [path]


def test_a_digest_knows_no_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})
    assert digest(b"bytes") == hashlib.sha256(b"bytes").hexdigest()
