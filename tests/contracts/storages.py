"""What a store of studies promises, as classes of tests: a store's own test inherits those of its promises.

The class that inherits names its subject by a fixture ``open_store``, which opens the store of the study of a name in a
place of the test. It can be pickled, so that another process can open the same one.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from search.config import StudyConfig
from search.errors import UsageError
from search.sampling.store import RECORD, StudyStore
from tests.results.test_records import a_trial

CONFIG = StudyConfig.model_validate({"name": "mine", "task": "movie-snippets"})
VALUES = [0.8125, 1.5, 20.25]
# More than an answer takes, and less than a person waits for.
ANSWER_LIMIT_S = 60

OpenStore = Callable[[str], StudyStore]


def begun(open_store: OpenStore, config: StudyConfig = CONFIG) -> StudyStore:
    """The store of a study that was begun."""
    store = open_store(config.name)
    with store.locked():
        store.save_config(config, {})
    return store


def finish(study: optuna.Study, trial: optuna.Trial) -> None:
    """End a trial as a study does: its record, then its figures."""
    trial.set_user_attr(RECORD, a_trial(trial.number).to_dict())
    study.tell(trial, VALUES)


def hold(open_store: OpenStore, pipe: Connection) -> None:
    """Hold a study until told to let go; runs in a process of its own."""
    with open_store("mine").locked():
        pipe.send("held")
        pipe.recv()


def ask_and_finish(open_store: OpenStore, n_trials: int, pipe: Connection) -> None:
    """Ask for trials and finish them, beside others who do; runs in a process of its own."""
    study = open_store("mine").optuna_study(CONFIG)
    pipe.send("opened")
    pipe.recv()
    for _ in range(n_trials):
        finish(study, study.ask())


@contextmanager
def another_process(target: Callable[..., None], *arguments: object) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process that runs a function, and this end of the pipe to it; the function has told that it began."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=target, args=(*arguments, there))
    process.start()
    try:
        assert here.poll(ANSWER_LIMIT_S)
        here.recv()
        yield process, here
    finally:
        process.kill()
        process.join()


class EveryStorage:
    """What a study asks of where it is kept."""

    def test_a_study_exists_once_its_configuration_is_written(self, open_store: OpenStore) -> None:
        store = open_store("mine")
        assert not store.exists
        with store.locked():
            assert not store.exists
        assert begun(open_store).exists

    def test_a_configuration_comes_back(self, open_store: OpenStore) -> None:
        begun(open_store)
        assert open_store("mine").config() == CONFIG

    def test_studies_of_other_names_have_nothing_in_common(self, open_store: OpenStore) -> None:
        begun(open_store).optuna_study(CONFIG).ask()
        assert not open_store("other").exists
        config = CONFIG.model_copy(update={"name": "other"})
        assert begun(open_store, config).optuna_study(config).get_trials() == []

    def test_the_score_is_maximised_and_costs_are_minimised(self, open_store: OpenStore) -> None:
        config = CONFIG.model_copy(update={"objectives": ("size_mb", "score")})
        study = begun(open_store).optuna_study(config)
        assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]

    def test_records_come_back_in_the_order_of_their_numbers(self, open_store: OpenStore) -> None:
        study = begun(open_store).optuna_study(CONFIG)
        for trial in reversed([study.ask() for _ in range(3)]):
            finish(study, trial)
        assert open_store("mine").records() == [a_trial(0), a_trial(1), a_trial(2)]

    def test_trials_without_a_record_and_unfinished_ones_are_not_among_the_records(self, open_store: OpenStore) -> None:
        store = begun(open_store)
        study = store.optuna_study(CONFIG)
        running, cut_off, finished = (study.ask() for _ in range(3))
        running.set_user_attr(RECORD, a_trial(0).to_dict())
        study.tell(cut_off, state=TrialState.FAIL)
        finish(study, finished)
        assert [record.number for record in store.records()] == [2]

    def test_all_that_a_sampler_learns_from_comes_back(self, open_store: OpenStore) -> None:
        study = begun(open_store).optuna_study(CONFIG)
        trial = study.ask()
        asked = {
            "depth": trial.suggest_categorical("depth", [1, 2, 6]),
            "learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-2, log=True),
        }
        trial.set_constraint("latency_ms", -0.25)
        trial.set_user_attr("said", "ein Brett in der Küche\n灯 💡")
        study.tell(trial, VALUES)
        (read,) = open_store("mine").optuna_study(CONFIG).get_trials()
        assert (read.number, read.state, read.values, read.params) == (0, TrialState.COMPLETE, VALUES, asked)
        assert read.distributions == {
            "depth": CategoricalDistribution([1, 2, 6]),
            "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
        }
        assert read.constraints == {"latency_ms": -0.25}
        assert read.user_attrs == {"said": "ein Brett in der Küche\n灯 💡"}

    def test_numbers_go_on_where_they_stopped(self, open_store: OpenStore) -> None:
        study = begun(open_store).optuna_study(CONFIG)
        study.ask()
        study.add_trial(optuna.trial.create_trial(state=TrialState.FAIL))
        assert open_store("mine").optuna_study(CONFIG).ask().number == 2

    def test_a_candidate_in_the_queue_waits_for_whoever_asks_next(self, open_store: OpenStore) -> None:
        begun(open_store).optuna_study(CONFIG).enqueue_trial({"depth": 6})
        trial = open_store("mine").optuna_study(CONFIG).ask()
        assert trial.suggest_categorical("depth", [1, 2, 6]) == 6


class SharedStorage:
    """Several hold the same study open at a time."""

    def test_what_one_writes_another_reads(self, open_store: OpenStore) -> None:
        one = begun(open_store).optuna_study(CONFIG)
        other = open_store("mine").optuna_study(CONFIG)
        finish(one, one.ask())
        assert [trial.state for trial in other.get_trials()] == [TrialState.COMPLETE]
        assert other.ask().number == 1
        assert [trial.state for trial in one.get_trials()] == [TrialState.COMPLETE, TrialState.RUNNING]

    def test_processes_that_write_at_once_lose_nothing(self, open_store: OpenStore) -> None:
        n_each, study = 8, begun(open_store).optuna_study(CONFIG)
        with another_process(ask_and_finish, open_store, n_each) as (process, pipe):
            pipe.send("go")
            for _ in range(n_each):
                finish(study, study.ask())
            process.join(ANSWER_LIMIT_S)
            assert process.exitcode == 0
        assert [record.number for record in open_store("mine").records()] == list(range(2 * n_each))


class HeldStorage:
    """A study is run by one process at a time."""

    def test_a_study_held_by_another_process_is_refused_until_that_ends(self, open_store: OpenStore) -> None:
        with another_process(hold, open_store) as (process, pipe):
            refused = pytest.raises(UsageError, match="study 'mine' is being run by another process")
            with refused, open_store("mine").locked():
                pass
            with open_store("other").locked():
                pass
            pipe.send("let go")
            process.join(ANSWER_LIMIT_S)
            assert process.exitcode == 0
            with open_store("mine").locked():
                pass

    def test_a_process_that_was_killed_does_not_hold_its_study(self, open_store: OpenStore) -> None:
        with another_process(hold, open_store) as (process, _):
            process.kill()
            process.join(ANSWER_LIMIT_S)
            with open_store("mine").locked():
                pass

    def test_an_error_lets_go_of_the_study(self, open_store: OpenStore) -> None:
        store = open_store("mine")
        with pytest.raises(ZeroDivisionError), store.locked():
            raise ZeroDivisionError
        with open_store("mine").locked():
            pass
