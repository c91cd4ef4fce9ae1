"""The engine of one process: it runs each job here, when its result is asked for."""

from __future__ import annotations

from search.engines.engine import Engine, Job, Result, Tell, Work


class InlineEngine(Engine[Job, Result]):
    """Runs one job at a time, in this process."""

    def __init__(self, work: Work[Job, Result], hear: Tell) -> None:
        super().__init__(work, hear)
        self._waiting: list[Job] = []

    @property
    def has_free_slot(self) -> bool:
        """Whether no job waits."""
        return not self._waiting

    @property
    def n_running(self) -> int:
        """One while a job waits."""
        return len(self._waiting)

    def submit(self, job: Job) -> None:
        """Let a job wait until its result is asked for."""
        if self._waiting:
            raise ValueError("an inline engine runs one job at a time, and one waits")
        self._waiting.append(job)

    def result(self) -> Result:
        """Run the job that waits."""
        return self._work(self._waiting.pop(), self._hear)
