from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from search.devices.loading import device_names, load_device
from search.devices.local import LocalDevice
from search.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]


def one_line_error(name: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_device(name)
    message = str(caught.value)
    assert "\n" not in message
    return message


def own_file(tmp_path: Path, content: str) -> str:
    path = tmp_path / "board.yaml"
    path.write_text(content, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", device_names())
def test_every_device_of_the_catalogue_loads_under_its_name(name: str) -> None:
    device = load_device(name)
    assert device.name == name
    assert device.description


def test_the_catalogue_is_read_without_torch() -> None:
    script = (
        "import sys; from search.devices.loading import device_names, load_device;"
        " print([load_device(name).name for name in device_names()]);"
        " print({'torch', 'transformers', 'search.config'} & sys.modules.keys())"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    names, loaded = told.stdout.splitlines()
    assert names == str(device_names())
    assert loaded == "set()"


def test_the_catalogue_has_the_machine_itself() -> None:
    assert "this-machine" in device_names()


def test_an_unknown_device_is_answered_with_the_nearest() -> None:
    message = one_line_error("this-machin")
    assert "unknown device 'this-machin', did you mean 'this-machine'?" in message
    assert "path of a YAML file" in message


def test_the_user_s_own_file_is_read(tmp_path: Path) -> None:
    path = own_file(tmp_path, "name: board\nthreads: 3\nbatch_size: 8\ntime_limit_s: 2.5\n")
    assert load_device(path) == LocalDevice(name="board", threads=3, batch_size=8, time_limit_s=2.5)


def test_what_the_file_leaves_out_is_one_thread_and_one_text(tmp_path: Path) -> None:
    device = load_device(own_file(tmp_path, "name: board\n"))
    assert (device.threads, device.batch_size) == (1, 1)


def test_an_unknown_key_is_answered_with_the_nearest(tmp_path: Path) -> None:
    message = one_line_error(own_file(tmp_path, "name: board\nthread: 2\n"))
    assert "unknown key 'thread', did you mean 'threads'?" in message


@pytest.mark.parametrize(
    "line",
    ["threads: 0", "batch_size: -1", "time_limit_s: 0", "time_limit_s: 601", "threads: many", "kind: remote"],
)
def test_a_value_out_of_range_is_an_error_that_names_its_key(line: str, tmp_path: Path) -> None:
    message = one_line_error(own_file(tmp_path, f"name: board\n{line}\n"))
    assert f"{line.partition(':')[0]}:" in message


@pytest.mark.parametrize("content", ["", "- a\n- list\n", "name: [board\n"])
def test_a_file_that_is_no_mapping_is_an_error_that_names_it(content: str, tmp_path: Path) -> None:
    assert "board.yaml" in one_line_error(own_file(tmp_path, content))


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    assert "there is no device file" in one_line_error(str(tmp_path / "nowhere.yaml"))


def test_a_path_into_the_catalogue_is_no_name() -> None:
    assert "unknown device" in one_line_error("../catalogue/elsewhere")
