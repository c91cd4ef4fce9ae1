"""Texts of a task that nobody labelled: what a deployed system has most of."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from search.errors import UsageError
from search.tasks.files import read_table
from search.tasks.splits import identity

COLUMN = "text"


def read_unlabelled(path: Path, known: Iterable[str]) -> list[str]:
    """Each text of a file once: of the lines of a ``.txt``, or of a table's column ``text``.

    Args:
        path: The file.
        known: Texts that are left out, because the task has them already.

    Raises:
        UsageError: The file can't be read, or has no text that is not known.
    """
    if path.suffix.lower() == ".txt":
        texts = _lines(path)
    else:
        table = read_table(path)
        if COLUMN not in table:
            raise UsageError(
                f"{path} has no column '{COLUMN}': rename the one with the texts, or give a .txt with a text a line"
            )
        texts = [str(text) for text in table[COLUMN].dropna()]
    seen, new = {identity(text) for text in known}, []
    for text in texts:
        if text.strip() and identity(text) not in seen:
            seen.add(identity(text))
            new.append(text.strip())
    if not new:
        raise UsageError(
            f"unlabelled: {path} has no text that the task doesn't have already: name another file, or leave"
            " `unlabelled` out"
        )
    return new


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"unlabelled: {path} can't be read: {error}") from error
