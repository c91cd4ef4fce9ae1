from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from results.records import TrialRecord
from search.devices.device import DeviceError
from search.sampling.store import StudyStore
from search.study.job import Job
from search.study.workbench import Workbench
from search.study.worker import Worker
from tests.search.conftest import Heard, inherited
from tests.search.small_studies import small_bench

RUN = """
import pickle, sys
from pathlib import Path
worker, job = pickle.loads(Path(sys.argv[1]).read_bytes())
told = []
record = worker(job, told.append)
Path(sys.argv[1]).write_bytes(pickle.dumps((record, told)))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return small_bench(tmp_path_factory.mktemp("worker"))


def a_worker(bench: Workbench, folder: Path) -> Worker:
    return Worker(bench, inherited(bench), StudyStore(folder, "small"))


def test_a_job_that_crosses_to_another_process_comes_back_as_if_it_ran_here(small: Workbench, tmp_path: Path) -> None:
    job, heard = Job(number=4, candidate=small.space.smallest()), Heard()
    here = a_worker(small, tmp_path / "here")(job, heard)
    crossing = tmp_path / "crossing"
    crossing.write_bytes(cloudpickle.dumps((a_worker(small, tmp_path / "there"), job)))
    subprocess.run([sys.executable, "-c", RUN, str(crossing)], check=True)
    there, told = cloudpickle.loads(crossing.read_bytes())
    assert isinstance(there, TrialRecord)
    assert (there.number, there.status, there.score) == (here.number, here.status, here.score)
    assert there.artifact == here.artifact
    assert [event.text for event in told] == heard.stages


def test_what_goes_wrong_in_a_trial_is_its_record(
    small: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr("search.study.worker.run_trial", broken)
    record = a_worker(small, tmp_path)(Job(number=0, candidate=small.space.smallest()), Heard())
    assert (record.status, record.reason) == ("failed", "MemoryError: no room")


def test_a_device_that_is_gone_ends_the_study(
    small: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise DeviceError("the board is off")

    monkeypatch.setattr("search.study.worker.run_trial", gone)
    with pytest.raises(DeviceError):
        a_worker(small, tmp_path)(Job(number=0, candidate=small.space.smallest()), Heard())


def test_what_was_only_cut_leaves_no_files(small: Workbench, tmp_path: Path) -> None:
    worker = a_worker(small, tmp_path)
    record = worker(Job(number=0, candidate=small.space.smallest()), Heard())
    assert record.score is not None
    assert not worker.store.trial_folder(0).exists()
