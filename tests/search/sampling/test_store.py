from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.trial import TrialState

from results.records import TrialRecord
from search.config import StudyConfig
from search.errors import UsageError
from search.sampling.store import RECORD, StudyStore, begun_studies, study_store
from tests.results.test_records import a_trial, some_costs

CONFIG = StudyConfig.model_validate({"name": "mine", "task": "movie-snippets"})

HOLD = """
import sys
from pathlib import Path
from search.sampling.store import StudyStore

with StudyStore(Path(sys.argv[1]), sys.argv[2]).locked():
    print("held", flush=True)
    sys.stdin.readline()
"""


def begin(folder: Path, name: str = "mine") -> StudyStore:
    store = StudyStore(folder, name)
    with store.locked():
        store.save_config(CONFIG.model_copy(update={"name": name}), {})
    return store


def a_record(number: int) -> TrialRecord:
    costs = some_costs(1.5, 20.25, machine="a board, büro")
    return a_trial(number, score=0.8125, costs=costs, seconds=2.5)


def test_a_study_exists_once_its_configuration_is_written(tmp_path: Path) -> None:
    store = StudyStore(tmp_path, "mine")
    assert not store.exists
    with store.locked():
        assert not store.exists
    assert begin(tmp_path).exists


def test_a_configuration_comes_back(tmp_path: Path) -> None:
    assert begin(tmp_path).config() == CONFIG


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 5},
        {"space": "quick"},
        {"sampler": "gp"},
        {"budgets": {"latency_ms": 3}},
        {"task": "home-intents"},
        {"strategy": "standalone"},
        {"warm_up_epochs": 5},
        {"trial_steps": 5},
        {"polish_epochs": 0},
        {"unlabelled": "more.txt"},
    ],
)
def test_another_configuration_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    store = begin(tmp_path)
    other = StudyConfig.model_validate({"name": "mine", "task": "movie-snippets", **change})
    with pytest.raises(UsageError, match=f"begun with another {next(iter(change))}: .*--name"):
        store.save_config(other, {})
    assert store.config() == CONFIG


def test_all_that_changed_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another sampler and seed"):
        begin(tmp_path).save_config(CONFIG.model_copy(update={"sampler": "gp", "seed": 9}), {})


def test_a_study_may_go_on_with_more_trials_and_another_time(tmp_path: Path) -> None:
    store = begin(tmp_path)
    longer = CONFIG.model_copy(update={"trials": 99, "time": 60.0})
    store.save_config(longer, {})
    assert store.config() == longer
    store.save_config(CONFIG, {})
    assert store.config() == CONFIG


def test_a_study_held_by_another_process_is_refused_until_that_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path), "mine"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        store = StudyStore(tmp_path, "mine")
        with pytest.raises(UsageError, match="study 'mine' is being run by another process"), store.locked():
            pass
        with StudyStore(tmp_path, "other").locked():
            pass
        holder.communicate("\n")
    assert holder.returncode == 0
    with store.locked():
        pass


def test_a_process_that_was_killed_does_not_hold_its_study(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path), "mine"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        holder.kill()
    with StudyStore(tmp_path, "mine").locked():
        pass


def test_an_error_lets_go_of_the_study(tmp_path: Path) -> None:
    store = StudyStore(tmp_path, "mine")
    with pytest.raises(ZeroDivisionError), store.locked():
        raise ZeroDivisionError
    with store.locked():
        pass


def test_records_come_back_from_the_journal_in_order(tmp_path: Path) -> None:
    store = begin(tmp_path)
    study = store.optuna_study(CONFIG)
    trials = [study.ask() for _ in range(3)]
    for trial in reversed(trials):
        trial.set_user_attr(RECORD, a_record(trial.number).to_dict())
        study.tell(trial, [0.8125, 1.5, 20.25])
    assert StudyStore(tmp_path, "mine").records() == [a_record(0), a_record(1), a_record(2)]


def test_trials_without_a_record_and_unfinished_ones_are_not_among_the_records(tmp_path: Path) -> None:
    store = begin(tmp_path)
    study = store.optuna_study(CONFIG)
    running, cut_off, finished = (study.ask() for _ in range(3))
    running.set_user_attr(RECORD, a_record(0).to_dict())
    study.tell(cut_off, state=TrialState.FAIL)
    finished.set_user_attr(RECORD, a_record(2).to_dict())
    study.tell(finished, [0.8125, 1.5, 20.25])
    assert [record.number for record in store.records()] == [2]


def test_the_score_is_maximised_and_costs_are_minimised(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"objectives": ("size_mb", "score")})
    store = begin(tmp_path)
    assert [direction.name for direction in store.optuna_study(config).directions] == ["MINIMIZE", "MAXIMIZE"]


def test_opening_a_study_again_keeps_its_trials(tmp_path: Path) -> None:
    store = begin(tmp_path)
    store.optuna_study(CONFIG).ask()
    assert len(StudyStore(tmp_path, "mine").optuna_study(CONFIG).get_trials()) == 1


def test_each_trial_has_a_folder_that_can_be_discarded(tmp_path: Path) -> None:
    store = begin(tmp_path)
    kept, discarded = store.trial_folder(1), store.trial_folder(12)
    for folder in (kept, discarded):
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(b"weights")
    store.discard(12)
    store.discard(13)
    assert kept.is_dir()
    assert not discarded.exists()


def test_begun_studies_are_listed_by_name(tmp_path: Path) -> None:
    assert begun_studies(tmp_path) == []
    for name in ("second", "first"):
        begin(tmp_path, name)
    with StudyStore(tmp_path, "never-begun").locked():
        pass
    assert begun_studies(tmp_path) == ["first", "second"]


def test_a_study_is_found_by_its_name_and_by_its_file(tmp_path: Path) -> None:
    begin(tmp_path)
    assert study_store(tmp_path, "mine").folder == StudyStore(tmp_path, "mine").folder
    named, unnamed = tmp_path / "any.yaml", tmp_path / "mine.yaml"
    named.write_text("name: mine\ntask: movie-snippets\n", encoding="utf-8")
    unnamed.write_text("task: movie-snippets\n", encoding="utf-8")
    for file in (named, unnamed):
        assert study_store(tmp_path, str(file)).name == "mine"


def test_an_unknown_study_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    for name in ("movies", "lights"):
        begin(tmp_path, name)
    with pytest.raises(
        UsageError, match=r"no study 'movie', did you mean 'movies'\? in .*; studies there: lights, movies"
    ):
        study_store(tmp_path, "movie")


def test_an_empty_store_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="begin one with `bertailor search`"):
        study_store(tmp_path, "mine")


def test_changed_inputs_under_the_same_names_are_refused(tmp_path: Path) -> None:
    store = StudyStore(tmp_path, "mine")
    store.folder.mkdir(parents=True)
    for _ in range(2):
        store.save_config(CONFIG, {"space": "a", "device": "b"})
    with pytest.raises(UsageError, match="another device"):
        store.save_config(CONFIG, {"space": "a", "device": "c"})


def test_what_a_process_that_died_in_a_write_left_is_cleared_away(tmp_path: Path) -> None:
    store = begin(tmp_path)
    store.optuna_study(CONFIG).ask()
    journal = store.folder / "journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code": 4, "worker')
    (store.folder / "journal.log.lock").touch()
    with store.locked():
        assert journal.read_bytes() == whole
        store.optuna_study(CONFIG).ask()
    assert len(store.optuna_study(CONFIG).get_trials()) == 2


BEFORE = Path(__file__).with_name("store-0.1")


@pytest.fixture
def before(tmp_path: Path) -> StudyStore:
    """A study that version 0.1 ran: five entrants, four proposals and what it polished, without their artefacts."""
    shutil.copytree(BEFORE, tmp_path / "studies" / "before")
    return study_store(tmp_path, "before")


def test_a_study_of_version_0_1_can_be_looked_at(before: StudyStore) -> None:
    records = before.records()
    assert records[0].entrant
    assert records[0].costs is not None
    assert "cores" in records[0].machine
    assert any(record.polishes is not None for record in records)
    ending = before.ending()
    assert ending.standing.chosen is not None
    assert ending.test_score is not None
    assert before.study().n_trials > 4


def test_a_study_of_version_0_1_is_not_gone_on_with(before: StudyStore) -> None:
    with pytest.raises(UsageError, match=r"another version of bertailor.*--name") as caught:
        before.save_config(before.config(), {})
    assert "\n" not in str(caught.value)
