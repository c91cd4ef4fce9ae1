"""Reads YAML into pydantic models, and says in one line what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from search.errors import UsageError
from spaces import nearest, yaml_files

Model = TypeVar("Model", bound=BaseModel)


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file's top-level mapping.

    Raises:
        UsageError: The file can't be read, or holds something else.
    """
    try:
        return yaml_files.read_mapping(path)
    except ValueError as error:
        raise UsageError(str(error)) from error


def parse(model: type[Model], raw: Mapping[str, Any], where: str) -> Model:
    """Validate raw values.

    Raises:
        UsageError: The first thing that is wrong, with the nearest known key where one is misspelt.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise UsageError(f"{where}: {explain(error, model)}") from error


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first problem that a model has with its values, in one line."""
    details = error.errors()
    # A misspelt key leaves its right name missing too; the misspelling is what the person must see.
    first = next((detail for detail in details if detail["type"] == "extra_forbidden"), details[0])
    path = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        known = _keys(model, path[:-1])
        among = f"; known: {', '.join(known)}" if known else ""
        return f"unknown key '{'.'.join(path)}'{nearest(path[-1], known)}{among}"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{'.'.join(path)}: {message}" if path else message


def _keys(model: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        model = field.annotation
    return list(model.model_fields)
