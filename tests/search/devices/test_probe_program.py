from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from zipfile import ZipFile

import pytest

from search.devices import probe_program as program
from search.devices.probe_program import probe_digest, probe_program
from search.devices.probed import report_of
from search.files import sha256_of
from search.runtime.report import Report
from search.runtime.request import Request

RUN_AND_LIST_MODULES = """
import runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
for name, module in sorted(sys.modules.items()):
    print(name, getattr(module, "__file__", None))
"""


@pytest.fixture(scope="module")
def request_line(artifact: Path) -> str:
    return json.dumps(asdict(Request(str(artifact), ["turn on the light", "wake me"], 1, 1, time_limit_s=0.1)))


def answered(request: str, *command: str | Path) -> str:
    finished = subprocess.run(
        [sys.executable, "-I", *command], input=request, capture_output=True, text=True, check=False, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def run_by_path(request_line: str) -> tuple[Report, dict[str, str]]:
    """What the probe reports as a process of its own, and where from what it has imported by then."""
    line, *modules = answered(request_line, "-c", RUN_AND_LIST_MODULES, probe_program()).splitlines()
    return report_of(0, line, ""), dict(module.split(" ", 1) for module in modules)


def test_python_runs_the_archive_wherever_it_lies(request_line: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "sent"
    elsewhere.write_bytes(probe_program().read_bytes())
    assert report_of(0, answered(request_line, elsewhere), "").timing.latency_ms > 0


def test_the_process_imports_only_what_a_deployment_would(run_by_path: tuple[Report, dict[str, str]]) -> None:
    _, modules = run_by_path
    packages = {name.partition(".")[0] for name in modules}
    assert {"onnxruntime", "tokenizers", "numpy"} <= packages
    assert not packages & {"torch", "transformers", "spaces", "results", "trackers", "sklearn", "pandas", "onnx"}
    assert not packages & {"pydantic", "yaml", "platformdirs"}


def test_all_that_it_imports_of_ours_is_its_own_room_in_the_archive(
    run_by_path: tuple[Report, dict[str, str]],
) -> None:
    _, modules = run_by_path
    ours = {name: place for name, place in modules.items() if name.partition(".")[0] == "search"}
    assert {"search", "search.runtime", "search.runtime.probe"} <= ours.keys()
    assert all(name == "search" or name.startswith("search.runtime") for name in ours)
    assert all(Path(place).is_relative_to(probe_program()) for place in ours.values())


def test_the_memory_is_the_process_s_own(run_by_path: tuple[Report, dict[str, str]]) -> None:
    report, _ = run_by_path
    assert 20 < report.runtime_mb < report.memory.peak_mb < 400


def test_the_archive_is_the_same_whenever_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "cache_folder", lambda: tmp_path)
    program._archive.cache_clear()
    path = probe_program()
    assert path.parent == tmp_path
    assert sha256_of(path) == probe_digest()
    assert path.name == f"probe-{probe_digest()}.pyz"
    # Dates of files, which a checkout sets anew, would make it another one.
    assert {entry.date_time for entry in ZipFile(path).infolist()} == {(1980, 1, 1, 0, 0, 0)}
