"""Tasks from data sets of a hub, by name, through the library datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from search.errors import UsageError
from search.tasks.assemble import Rows, Source, assemble
from search.tasks.kinds import SINGLE_LABEL
from search.tasks.task import MIN_TOKENS, Task

TEXT_COLUMNS = ("text", "sentence", "content", "utterance", "tweet", "review", "question")
LABEL_COLUMNS = ("label", "labels", "intent", "category", "class", "target", "coarse_label")


class HubTask(BaseModel):
    """A data set of a hub, or a folder in the same layout.

    Attributes:
        hub: ``name`` or ``owner/name``; a configuration follows after a slash, as in ``glue/sst2``.
        text: The text column; without it, the first usual name that the data set has.
        label: The label column; likewise.
        metric: What the score is: ``accuracy`` or ``macro-f1``.
        max_tokens: Texts are cut after so many word pieces.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    hub: str
    text: str | None = None
    label: str | None = None
    metric: Annotated[str, AfterValidator(SINGLE_LABEL.checked)] = "accuracy"
    max_tokens: Annotated[int, Field(ge=MIN_TOKENS)] = 128

    def load(self) -> Task:
        """Fetch the data set and split it; a test split without labels, as GLUE has, counts as none.

        Raises:
            UsageError: The data set can't be fetched, or has no such column.
        """
        splits = _fetch(self.hub)
        if "train" not in splits:
            raise UsageError(f"hub data set {self.hub} has no train split, only {', '.join(splits)}: take another")
        train, validation, test = splits["train"], splits.get("validation"), splits.get("test")
        text = _column(self.hub, train, self.text, TEXT_COLUMNS, "text")
        label = _column(self.hub, train, self.label, LABEL_COLUMNS, "label")
        # The labels of the first test rows tell a hidden test split from a usable one.
        has_test = (
            test is not None
            and label in test.column_names
            and any(value not in (-1, None) for value in test[:100][label])
        )
        source = Source(
            name=self.hub.strip("/").replace("/", "-"),
            train=_rows(train, text, label),
            validation=_rows(validation, text, label) if validation is not None else None,
            read_test=(lambda: _rows(test, text, label)) if has_test else None,
            origin=f"the hub data set {self.hub}",
        )
        return assemble(source, metric=self.metric, max_tokens=self.max_tokens)


def _fetch(name: str) -> Any:
    # datasets takes a second to import, and most studies don't need it.
    import datasets
    from huggingface_hub.utils import logging as hub_logging

    hub_logging.set_verbosity_error()  # its five retries are one failure to the user
    owner, _, configuration = name.rpartition("/")
    attempts: list[tuple[str, ...]] = [(name,)]
    if configuration and not Path(name).is_dir():
        # `glue/sst2` may be an owner's data set or a configuration; with two slashes it is the latter.
        attempts = [(owner, configuration)] if "/" in owner else [(name,), (owner, configuration)]
    for attempt in attempts:
        try:
            return datasets.load_dataset(*attempt)
        except datasets.exceptions.DatasetNotFoundError:
            continue
        except ConnectionError as error:
            raise UsageError(
                f"hub data set {name} can't be fetched, for want of a network or of the hub:"
                " connect, or give the data as files with `task: {path: ...}`"
            ) from error
        except (ValueError, OSError, StopIteration, datasets.exceptions.DatasetGenerationError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UsageError(f"hub data set {name} can't be loaded: {reason}") from error
    raise UsageError(f"the hub has no data set {name}: look its name up there; private ones need `hf auth login`")


def _column(name: str, split: Any, wanted: str | None, usual: tuple[str, ...], key: str) -> str:
    for column in (wanted,) if wanted else usual:
        if column in split.column_names:
            return column
    raise UsageError(
        f"hub data set {name} has no column {wanted or 'with a usual name'} for the {key}: set `{key}:` to one of"
        f" {', '.join(split.column_names)}"
    )


def _rows(split: Any, text: str, label: str) -> Rows:
    feature = split.features[label]
    named = feature.int2str if hasattr(feature, "int2str") else str
    rows = zip(split[text], split[label], strict=True)
    labelled = [(str(t or "").strip(), named(value)) for t, value in rows if value not in (-1, None)]
    return [(t, label) for t, label in labelled if t]
