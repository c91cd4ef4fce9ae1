"""Data sets and their metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from search.reading import parse
from search.tasks.files import FileTask
from search.tasks.home_intents import HomeIntents
from search.tasks.hub import HubTask
from search.tasks.movie_snippets import MovieSnippets
from search.tasks.task import Split, Task
from spaces import nearest

# Each bundled task is a class with fields for its options and one method, `load`.
BUNDLED: dict[str, type[MovieSnippets] | type[HomeIntents]] = {
    "movie-snippets": MovieSnippets,
    "home-intents": HomeIntents,
}


def spelt_out(raw: Any) -> Any:
    """A task's short form, a file's path or a bundled name, as the mapping that it stands for."""
    if isinstance(raw, str):
        return {"path": raw} if Path(raw).suffix else {"name": raw}
    return raw


def _by_its_keys(raw: Any) -> Any:
    """Pick the kind of task by its keys, so that what is wrong is told of that kind alone."""
    raw = spelt_out(raw)
    if not isinstance(raw, Mapping):
        return raw
    if "path" in raw:
        return parse(FileTask, raw, "task")
    if "hub" in raw:
        return parse(HubTask, raw, "task")
    name = raw.get("name")
    if name not in BUNDLED:
        raise ValueError(
            f"unknown task '{name}'{nearest(str(name), BUNDLED)}; known: {', '.join(BUNDLED)},"
            " or your own data: {path: reviews.csv, text: text, label: label}, {hub: glue/sst2}"
        )
    return parse(BUNDLED[name], raw, "task")


TaskField = Annotated[MovieSnippets | HomeIntents | FileTask | HubTask, BeforeValidator(_by_its_keys)]


class TaskChoice(BaseModel):
    """A task as a command line or a study file names it."""

    task: TaskField


__all__ = [
    "BUNDLED",
    "FileTask",
    "HomeIntents",
    "HubTask",
    "MovieSnippets",
    "Split",
    "Task",
    "TaskChoice",
    "TaskField",
    "spelt_out",
]
