from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("spaces", "results", "trackers", "search")
SOURCES = {path.relative_to(ROOT).as_posix(): path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))}
LEAVES = {name: path for name, path in SOURCES.items() if not name.startswith("search/")}
WITH_EXAMPLES = [name for name, path in SOURCES.items() if ">>> " in path.read_text(encoding="utf-8")]

MAX_LINES = 320


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add((node.module or "").split(".")[0])
    return names


def module_name(source: str) -> str:
    return source.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_the_sources_are_found() -> None:
    assert {"spaces/space.py", "trackers/tracker.py", "search/study/running.py"} <= SOURCES.keys()


@pytest.mark.parametrize("source", LEAVES)
def test_spaces_and_trackers_import_nothing_of_search(source: str) -> None:
    assert "search" not in imported(LEAVES[source])


@pytest.mark.parametrize("source", LEAVES)
def test_spaces_and_trackers_know_nothing_of_torch(source: str) -> None:
    assert not {"torch", "transformers", "onnx", "onnxruntime"} & imported(LEAVES[source])


@pytest.mark.parametrize("source", [name for name in LEAVES if name.startswith(("spaces/", "results/"))])
def test_spaces_import_nothing_of_trackers(source: str) -> None:
    assert "trackers" not in imported(LEAVES[source])


def test_importing_spaces_and_records_loads_no_torch() -> None:
    script = "import sys, spaces, results.records, trackers.tables, trackers.description; print('torch' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.strip() == "False"


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_file_is_short_enough_to_be_read_at_once(source: str) -> None:
    assert len(SOURCES[source].read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("source", WITH_EXAMPLES)
def test_the_examples_of_a_module_hold(source: str) -> None:
    results = doctest.testmod(importlib.import_module(module_name(source)))
    assert results.attempted > 0
    assert results.failed == 0
