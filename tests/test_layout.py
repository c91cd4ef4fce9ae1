"""The plan of the rooms: who may import whom, and which library may be imported where."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("spaces", "results", "trackers", "search")

# From the ground up. A room imports only what its row lists, all of which stands above it here, so that no arrow leads
# upwards and no circle is possible. "search" is its ground floor, which lies flat in the folder.
ROOMS = {
    "spaces": "",
    "results": "spaces",
    "trackers": "results",
    "trackers/plots": "spaces results",
    "trackers/mlflow": "spaces results trackers trackers/plots",
    "search": "spaces",
    "search/runtime": "",
    "search/engines": "",
    "search/tasks/kinds": "spaces",
    "search/tasks": "spaces search search/tasks/kinds",
    "search/config": "spaces results search search/tasks",
    "search/models/families": "spaces",
    "search/models": "spaces search search/models/families",
    "search/training": "spaces search/tasks/kinds search/tasks search/models",
    "search/graphs": "search/models",
    "search/compression": "spaces search/tasks search/models/families search/models search/graphs",
    "search/artifacts": "spaces search/runtime search/tasks search/models search/compression",
    "search/devices": "spaces results search search/runtime search/artifacts",
    "search/sampling": "spaces results trackers search search/config",
    "search/study": "spaces results trackers search search/runtime search/engines search/tasks search/config"
    " search/models search/training search/compression search/artifacts search/devices search/sampling",
    "search/bundles": "spaces results search search/runtime search/tasks/kinds search/tasks search/config search/models"
    " search/compression search/artifacts search/devices search/study",
    "search/cli": "spaces results trackers trackers/plots trackers/mlflow search search/tasks search/config"
    " search/models search/compression search/artifacts search/devices search/sampling search/study search/bundles",
}

# Where a library is imported directly. What is in no row here may be imported everywhere.
LIBRARIES = {
    "torch": "search/models/families search/models search/training search/graphs search/compression search/artifacts"
    " search/sampling search/study search/bundles",
    "torch_pruning": "search/models search/training",
    "transformers": "search/models/families search/models search/training search/compression search/artifacts"
    " search/study search/bundles",
    "onnx": "search/graphs search/compression search/devices trackers/mlflow",
    "onnxruntime": "search/runtime search/graphs search/compression search/devices",
    "openvino": "search/bundles",
    "optuna": "spaces trackers/plots search/sampling search/study",
    "mlflow": "trackers/mlflow",
    "typer": "search/cli",
    "tests": "",
}

GROUND_FLOOR = ("__init__", "errors", "files", "reading")
MAX_LINES = 300

Sources = Mapping[str, str]

SOURCES: Sources = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
WITH_EXAMPLES = [source for source, text in SOURCES.items() if ">>> " in text]


def room(source: str) -> str:
    """The room of a file: its folder, but that the study file's rules are a room of their own."""
    folder, _, name = source.rpartition("/")
    stem = name.removesuffix(".py")
    return folder if folder != "search" or stem in GROUND_FLOOR else f"search/{stem}"


def module_name(source: str) -> str:
    return source.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(source: str, text: str) -> Iterator[str]:
    """What a file imports, wherever in it: as `a.b.c`, whether c is a module or a name in one."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows(sources: Sources) -> dict[tuple[str, str], str]:
    """Each pair of rooms of which one imports the other, with a file that does."""
    files = {module_name(source): source for source in sources}
    found = {}
    for source, text in sources.items():
        for name in imports(source, text):
            imported = files.get(name) or files.get(name.rpartition(".")[0])
            if imported is not None and room(imported) != room(source):
                found[room(source), room(imported)] = source
    return found


def forbidden_arrows(sources: Sources) -> list[str]:
    return [
        f"{source}: {above} may not import {below}"
        for (above, below), source in arrows(sources).items()
        if below not in ROOMS.get(above, "").split()
    ]


def forbidden_libraries(sources: Sources) -> list[str]:
    return [
        f"{source}: {room(source)} may not import {library}"
        for source, text in sources.items()
        for library in sorted({name.partition(".")[0] for name in imports(source, text)} & LIBRARIES.keys())
        if room(source) not in LIBRARIES[library].split()
    ]


def unused_arrows(sources: Sources) -> list[str]:
    found = arrows(sources)
    return [f"{above} -> {below}" for above in ROOMS for below in ROOMS[above].split() if (above, below) not in found]


def unused_libraries(sources: Sources) -> list[str]:
    """Rows of the table of libraries that allow a room what it doesn't import."""
    found = {
        (name.partition(".")[0], room(source)) for source, text in sources.items() for name in imports(source, text)
    }
    return [
        f"{where} -> {library}"
        for library, rooms in LIBRARIES.items()
        for where in rooms.split()
        if (library, where) not in found
    ]


def upward_arrows(rooms: Mapping[str, str]) -> list[str]:
    """The arrows of a table of rooms that lead to a room which does not stand above the row's own."""
    order = list(rooms)
    return [
        f"{above} -> {below}"
        for number, above in enumerate(order)
        for below in rooms[above].split()
        if below not in order[:number]
    ]


def outside_of_the_rooms(sources: Sources) -> list[str]:
    return [source for source in sources if room(source) not in ROOMS]


def too_long(sources: Sources) -> list[str]:
    return [source for source, text in sources.items() if len(text.splitlines()) > MAX_LINES]


def with_line(source: str, line: str) -> Sources:
    """All sources, one of them with another line at its end."""
    return {**SOURCES, source: f"{SOURCES.get(source, '')}\n{line}\n"}


def test_the_sources_are_found() -> None:
    assert {"spaces/space.py", "trackers/tracker.py", "search/study/running.py"} <= SOURCES.keys()


def test_no_row_of_the_table_leads_upwards() -> None:
    assert upward_arrows(ROOMS) == []


def test_a_row_that_leads_upwards_is_found() -> None:
    assert upward_arrows({**ROOMS, "results": "spaces search"}) == ["results -> search"]


def test_a_circle_of_rooms_is_found() -> None:
    assert upward_arrows({"one": "other", "other": "one"}) == ["one -> other"]


def test_each_file_lies_in_a_room() -> None:
    assert outside_of_the_rooms(SOURCES) == []


@pytest.mark.parametrize("source", ["search/helpers.py", "search/unplanned/cleverness.py", "spaces/inner/deep.py"])
def test_a_file_outside_of_the_rooms_is_found(source: str) -> None:
    assert outside_of_the_rooms(with_line(source, "")) == [source]


def test_each_room_imports_only_what_its_row_lists() -> None:
    assert forbidden_arrows(SOURCES) == []


@pytest.mark.parametrize(
    ("source", "line", "below"),
    [
        ("spaces/space.py", "import results.records", "results"),
        ("results/front.py", "from search.config import StudyConfig", "search/config"),
        ("trackers/report.py", "from trackers.plots import choices", "trackers/plots"),
        ("search/files.py", "from search import config", "search/config"),
        ("search/runtime/probe.py", "from search.errors import RunError", "search"),
        ("search/devices/ssh.py", "def late(): from search.study.trial import run_trial", "search/study"),
        ("search/models/elastic.py", "if TYPE_CHECKING: import search.training.batches", "search/training"),
        ("search/study/trial.py", "import search.cli.app as app", "search/cli"),
    ],
)
def test_an_arrow_that_no_row_lists_is_found(source: str, line: str, below: str) -> None:
    assert forbidden_arrows(with_line(source, line)) == [f"{source}: {room(source)} may not import {below}"]


def test_no_row_lists_what_its_room_does_not_import() -> None:
    assert unused_arrows(SOURCES) == []
    assert unused_libraries(SOURCES) == []


def test_an_arrow_that_nothing_uses_is_found() -> None:
    without = {source: text for source, text in SOURCES.items() if source != "search/config.py"}
    assert unused_arrows(without) == [f"search/config -> {below}" for below in ROOMS["search/config"].split()] + [
        f"{above} -> search/config" for above in ROOMS if "search/config" in ROOMS[above].split()
    ]
    assert set(unused_libraries({})) > {"spaces -> optuna", "search/cli -> typer"}


def test_a_relative_import_is_found() -> None:
    with pytest.raises(AssertionError, match=r"results/front\.py imports relatively"):
        arrows(with_line("results/front.py", "from . import records"))


def test_each_library_is_imported_only_where_it_may_be() -> None:
    assert forbidden_libraries(SOURCES) == []


@pytest.mark.parametrize(
    ("source", "line", "library"),
    [
        ("spaces/candidate.py", "import torch", "torch"),
        ("results/front.py", "def late(): import optuna.visualization", "optuna"),
        ("trackers/report.py", "from mlflow.tracking import MlflowClient", "mlflow"),
        ("trackers/plots/png.py", "if TYPE_CHECKING: from torch import Tensor", "torch"),
        ("search/errors.py", "import transformers", "transformers"),
        ("search/study/trial.py", "import onnxruntime as ort", "onnxruntime"),
        ("search/bundles/verify.py", "from tests.conftest import tiny_rows", "tests"),
    ],
)
def test_a_library_where_it_may_not_be_is_found(source: str, line: str, library: str) -> None:
    assert forbidden_libraries(with_line(source, line)) == [f"{source}: {room(source)} may not import {library}"]


def test_what_shows_results_loads_neither_torch_nor_mlflow() -> None:
    modules = "spaces, results.records, results.choosing, trackers.console, trackers.report, trackers.description"
    loads = "{'torch', 'transformers', 'mlflow', 'onnxruntime'} & sys.modules.keys()"
    script = f"import sys, {modules}; print({loads})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.strip() == "set()"


def test_each_file_is_short_enough_to_be_read_at_once() -> None:
    assert too_long(SOURCES) == []


def test_a_file_of_too_many_lines_is_found() -> None:
    text = "x = 1\n" * MAX_LINES
    assert too_long({"search/short.py": text, "search/long.py": text + "x = 1\n"}) == ["search/long.py"]


@pytest.mark.parametrize("source", WITH_EXAMPLES)
def test_the_examples_of_a_module_hold(source: str) -> None:
    results = doctest.testmod(importlib.import_module(module_name(source)))
    assert results.attempted > 0
    assert results.failed == 0
