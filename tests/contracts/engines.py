"""What every engine promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from search.engines.engine import Engine, Tell

# Makes an engine for a work, and for what hears it.
Make = Callable[[Callable[[Any, Tell], Any], Tell], Engine[Any, Any]]


def squared(job: int, tell: Tell) -> int:
    """A job whose result tells which it was."""
    tell(f"squaring {job}")
    return job * job


def failing(job: int, tell: Tell) -> int:
    """A job that can't be done."""
    raise ZeroDivisionError(f"job {job}")


class EngineContract:
    """Subclass it with a fixture ``make``."""

    def test_every_job_has_its_result(self, make: Make) -> None:
        engine = make(squared, lambda told: None)
        waiting, results = list(range(7)), list[int]()
        while waiting or engine.n_running:
            while waiting and engine.has_free_slot:
                engine.submit(waiting.pop())
            results.append(engine.result())
        assert sorted(results) == [job * job for job in range(7)]

    def test_what_jobs_tell_is_heard_before_their_result_is_there(self, make: Make) -> None:
        heard: list[Any] = []
        assert make(squared, heard.append).run(3) == 9
        assert heard == ["squaring 3"]

    def test_an_engine_that_has_given_all_results_back_is_idle(self, make: Make) -> None:
        engine = make(squared, lambda told: None)
        assert engine.has_free_slot
        assert engine.n_running == 0
        engine.submit(2)
        assert engine.n_running == 1
        engine.result()
        assert engine.has_free_slot
        assert engine.n_running == 0

    def test_it_takes_no_more_than_it_has_slots_for(self, make: Make) -> None:
        engine = make(squared, lambda told: None)
        while engine.has_free_slot:
            engine.submit(1)
        with pytest.raises(ValueError, match=r"one job at a time|no free slot"):
            engine.submit(2)

    def test_an_error_of_the_work_is_raised_with_the_result_and_leaves_the_engine_idle(self, make: Make) -> None:
        engine = make(failing, lambda told: None)
        with pytest.raises(ZeroDivisionError, match="job 5"):
            engine.run(5)
        assert engine.has_free_slot
        assert engine.n_running == 0
