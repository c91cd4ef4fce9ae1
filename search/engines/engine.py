"""An engine: runs jobs somewhere, and gives their results back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

# It hears what a job has to say while it runs.
Tell = Callable[[Any], None]
Work = Callable[[Job, Tell], Result]


class Engine(ABC, Generic[Job, Result]):
    """Runs jobs, as many at a time as it has slots.

    Jobs, results and what is told meanwhile are plain data, so that a job can run in another process or on another
    machine. An error of the work itself is raised by ``result``.

    Args:
        work: Does a job, here or wherever else it is sent.
        hear: Is told, in this process, what the jobs have to say.
    """

    def __init__(self, work: Work[Job, Result], hear: Tell) -> None:
        self._work, self._hear = work, hear

    @property
    @abstractmethod
    def has_free_slot(self) -> bool:
        """Whether one more job can be taken."""

    @property
    @abstractmethod
    def n_running(self) -> int:
        """How many jobs were taken whose results were not given back yet."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Take a job; there has to be a free slot."""

    @abstractmethod
    def result(self) -> Result:
        """Wait for the result of the job that ends first; one has to be running."""

    def run(self, job: Job) -> Result:
        """The result of a single job, while no other is running."""
        self.submit(job)
        return self.result()
