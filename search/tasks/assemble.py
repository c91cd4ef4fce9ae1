"""Makes a task of labelled rows, carving the splits that their source doesn't have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from search.errors import UsageError
from search.tasks.splits import TEST_SHARE, VALIDATION_SHARE, carve, identity, without_repeats
from search.tasks.task import Split, Task

Rows = Sequence[tuple[str, str]]  # (text, label name)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a source of data has: training rows, and perhaps held-out ones.

    Attributes:
        name: The task's name.
        train: The rows to learn from.
        validation: Given validation rows, used as they are.
        read_test: Reads given test rows, which are used as they are too.
        origin: Where the rows come from, a line for the model card.
    """

    name: str
    train: Rows
    validation: Rows | None = None
    read_test: Callable[[], Rows] | None = None
    origin: str = ""


def assemble(source: Source, *, metric: str = "accuracy", max_tokens: int = 128) -> Task:
    """Make a task of a source, carving a tenth off its training rows for each held-out split it lacks.

    Training texts that repeat, or that stand in a given validation split, are dropped. A given test split is
    not read here.

    Raises:
        UsageError: Nothing can be learned from the rows, or a held-out split has a label that training lacks.
    """
    labels = sorted({label for _, label in source.train})
    train = without_repeats(_as_split(source.train, labels, source.name))
    shares = []
    if source.validation is None:
        shares.append(VALIDATION_SHARE)
    else:
        validation = _as_split(source.validation, labels, source.name)
        train = without_repeats(train, seen=map(identity, validation.texts))
    if source.read_test is None:
        shares.append(TEST_SHARE)
    train, *carved = carve(train, shares)
    if source.validation is None:
        validation = carved.pop(0)
    _check_learnable(source.name, train, validation, *carved)

    def test() -> Split:
        return carved[0] if source.read_test is None else _as_split(source.read_test(), labels, source.name)

    return Task(
        name=source.name,
        labels=tuple(labels),
        train=train,
        validation=validation,
        read_test=test,
        metric=metric,
        max_tokens=max_tokens,
        source=source.origin,
    )


def _as_split(rows: Rows, labels: Sequence[str], name: str) -> Split:
    index = {label: i for i, label in enumerate(labels)}
    for _, label in rows:
        if label not in index:
            raise UsageError(
                f"task '{name}': label '{label}' occurs in a held-out split but never in training:"
                " correct the label, or add training texts that have it"
            )
    return Split(tuple(text for text, _ in rows), tuple(index[label] for _, label in rows))


def _check_learnable(name: str, train: Split, *held_out: Split) -> None:
    if len(set(train.labels)) < 2:
        raise UsageError(
            f"task '{name}' has {len(set(train.labels))} label(s) in {len(train)} training texts:"
            " a classifier needs at least two; is `label` the right column?"
        )
    if not all(held_out):
        raise UsageError(
            f"task '{name}' has too few texts to hold a tenth of them out for validation and for the test:"
            " give at least 6 different texts a label, or files of their own"
        )
