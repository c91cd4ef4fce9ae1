"""Files and folders that are whole or not there, digests of what they hold, and the user's cache."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs


def cache_folder() -> Path:
    """The user's cache folder for what is downloaded once, created if need be."""
    folder = Path(platformdirs.user_cache_dir("bertailor"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in one step, so that a process that dies leaves the old one or the new one."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content if isinstance(content, bytes) else content.encode())
    part.replace(path)


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """An empty folder to fill, which is moved to its place at the end; nothing is there if that isn't reached.

    Args:
        place: A path that is free, or an empty folder.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        whole = Path(temporary) / "whole"
        whole.mkdir()
        yield whole
        if place.exists():
            place.rmdir()
        whole.replace(place)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest(value: Any) -> str:
    """The SHA-256 of bytes, or of a value as JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(raw).hexdigest()
