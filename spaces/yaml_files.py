"""Reads YAML files, and says in one line what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file's top-level mapping.

    Raises:
        ValueError: The file can't be read, or holds something else.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ValueError(f"{path}{where} is not valid YAML: {problem}") from error
    if not isinstance(raw, dict):
        raise ValueError(f"{path} should hold `key: value` lines, and holds {type(raw).__name__}")
    return raw
