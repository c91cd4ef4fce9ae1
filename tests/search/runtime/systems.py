"""A made-up folder of what a system tells, as Linux has it under /sys."""

from __future__ import annotations

from pathlib import Path


def a_system(folder: Path, files: dict[str, str]) -> Path:
    """Write files by their paths in a folder, and return it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="ascii")
    return folder
