"""Tasks from the user's own files: CSV, TSV, JSONL or Parquet with a text and a label column."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from search.errors import UsageError
from search.tasks.assemble import Rows, Source, assemble
from search.tasks.kinds import SINGLE_LABEL
from search.tasks.task import MIN_TOKENS, Task
from spaces import nearest

READERS: dict[str, Callable[..., Any]] = {
    # Everything is read as text: a label 01 is not 1, and the word "null" is a word.
    ".csv": partial(pd.read_csv, dtype=str, keep_default_na=False),
    ".tsv": partial(pd.read_csv, sep="\t", dtype=str, keep_default_na=False),
    ".jsonl": partial(pd.read_json, lines=True, dtype=False),
    ".parquet": pd.read_parquet,
}


class FileTask(BaseModel):
    """A task from the user's own files; given validation and test files are used as they are.

    Attributes:
        path: The texts that candidates learn from, as CSV, TSV, JSONL or Parquet.
        validation: The texts that candidates are chosen by; without it, a tenth of the texts is held out.
        test: The texts that a winner is reported on; without it, another tenth is held out.
        text: The column of the texts.
        label: The column of the labels.
        metric: What the score is: ``accuracy`` or ``macro-f1``.
        max_tokens: Texts are cut after so many word pieces.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: Path
    validation: Path | None = None
    test: Path | None = None
    text: str = "text"
    label: str = "label"
    metric: Annotated[str, AfterValidator(SINGLE_LABEL.checked)] = "accuracy"
    max_tokens: Annotated[int, Field(ge=MIN_TOKENS)] = 128

    def load(self) -> Task:
        """Read and split the files.

        Raises:
            UsageError: A file or a column is missing, a file can't be read, or nothing can be learned from it.
        """
        source = Source(
            name=self.path.stem,
            train=self._rows(self.path),
            validation=self._rows(self.validation) if self.validation else None,
            read_test=partial(self._rows, _existing(self.test)) if self.test else None,
            origin=f"the file {self.path.name}",
        )
        return assemble(source, metric=self.metric, max_tokens=self.max_tokens)

    def _rows(self, path: Path) -> Rows:
        table = read_table(path)
        for column in (self.text, self.label):
            if column not in table:
                raise UsageError(
                    f"{path} has no column '{column}'{nearest(column, map(str, table))}:"
                    f" name the right one with `text:` and `label:`; it has {', '.join(map(str, table))}"
                )
        rows = [
            (str(text).strip(), str(label).strip())
            for text, label in zip(table[self.text], table[self.label], strict=True)
            if not pd.isna(text) and not pd.isna(label)
        ]
        rows = [(text, label) for text, label in rows if text and label]
        if not rows:
            raise UsageError(f"{path} has no row with both a text and a label: check `text:` and `label:`")
        return rows


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UsageError(f"there is no file {path}: correct the path in the task")
    return path


def read_table(path: Path) -> pd.DataFrame:
    """A file of one of the kinds in ``READERS``.

    Raises:
        UsageError: It isn't there, is of another kind, or can't be read.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path} is not a kind of file that is read here: give {', '.join(READERS)}")
    try:
        # Whole numbers stay whole beside a missing one: a label 1 is not to become 1.0.
        return pd.DataFrame(reader(_existing(path))).convert_dtypes()
    except (ValueError, OSError) as error:  # pandas' and pyarrow's parsing errors are ValueErrors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{path} can't be read as {path.suffix[1:].upper()}: {reason}") from error
