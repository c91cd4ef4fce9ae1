from __future__ import annotations

from results.choosing import Ending, Standing
from results.records import StudyRecord
from tests.results.test_records import a_study, a_trial, failed
from tests.trackers.conftest import Book, standing

FIRST = a_trial(0, score=0.7, latency_ms=4.0)
BETTER = a_trial(3, score=0.9, latency_ms=3.0)


def run_and_stop(book: Book, study: StudyRecord) -> Standing:
    tracker = book.tracker()
    tracker.begin(study, Standing())
    tracker.start_trial(0, FIRST.label)
    tracker.end_trial(FIRST, standing(FIRST, front=(0,)))
    tracker.start_trial(1, "3L")
    now = standing(FIRST, front=(0,))
    tracker.end(Ending(standing=now, stopped="by the user"))
    return now


def test_a_stopped_study_is_a_killed_run(book: Book) -> None:
    run_and_stop(book, a_study("stopped"))
    assert book.parent("stopped").info.status == "KILLED"
    assert "test_score" not in book.parent("stopped").data.metrics


def test_the_trial_that_a_stop_cut_off_does_not_run_for_ever(book: Book) -> None:
    run_and_stop(book, a_study("cut-off"))
    assert [run.info.status for run in book.children("cut-off")] == ["FINISHED", "KILLED"]


def test_resuming_goes_on_in_the_same_runs(book: Book) -> None:
    before = run_and_stop(book, a_study("resumed"))
    first = book.parent("resumed").info.run_id
    tracker = book.tracker()
    tracker.begin(a_study("resumed"), before)
    assert book.parent("resumed").info.status == "RUNNING"
    tracker.start_trial(2, BETTER.label)
    better = a_trial(2, score=0.9, latency_ms=3.0)
    after = standing(FIRST, better, front=(2,))
    tracker.end_trial(better, after)
    tracker.end(Ending(standing=after, test_score=0.5))
    assert [run.info.run_id for run in book.parents("resumed")] == [first]
    assert book.parent("resumed").info.status == "FINISHED"
    assert book.outcomes("resumed") == {0: "dominated", 1: "failed", 2: "front"}
    assert len(book.children("resumed")) == 3


def test_a_run_left_running_is_closed_as_killed_on_resuming(book: Book) -> None:
    book.tracker().begin(a_study("left"), Standing())
    tracker = book.tracker()
    tracker.begin(a_study("left"), Standing())
    tracker.start_trial(0, FIRST.label)
    book.tracker().begin(a_study("left"), Standing())
    (run,) = book.children("left")
    assert run.info.status == "KILLED"
    assert run.data.tags["outcome"] == "failed"
    assert "cut off" in run.data.tags["reason"]


def test_resuming_again_and_again_writes_nothing_twice(book: Book) -> None:
    now = run_and_stop(book, a_study("again"))
    for _ in range(3):
        tracker = book.tracker()
        tracker.begin(a_study("again"), now)
        tracker.end(Ending(standing=now, test_score=0.5))
    assert len(book.parents("again")) == 1
    assert book.outcomes("again") == {0: "front", 1: "failed"}
    history = book.client.get_metric_history(book.children("again")[0].info.run_id, "score")
    assert [point.value for point in history] == [0.7]


def test_a_trial_that_mlflow_never_heard_of_is_written_on_resuming(book: Book) -> None:
    book.tracker().begin(a_study("unheard"), Standing())
    book.tracker().begin(a_study("unheard"), standing(FIRST, failed(1), front=(0,)))
    assert book.outcomes("unheard") == {0: "front", 1: "failed"}
    first, second = book.children("unheard")
    assert (first.info.status, second.info.status) == ("FINISHED", "FAILED")
    assert first.data.metrics["score"] == 0.7
    assert "**Recommended: #0**" in book.note("unheard")


def test_a_trial_that_ended_before_its_run_was_closed_has_one_run(book: Book) -> None:
    tracker = book.tracker()
    tracker.begin(a_study("half"), Standing())
    tracker.start_trial(0, FIRST.label)
    for _ in range(2):
        book.tracker().begin(a_study("half"), standing(FIRST, front=(0,)))
    (run,) = book.children("half")
    assert (run.info.status, run.data.tags["outcome"]) == ("FINISHED", "front")
    assert "reason" not in run.data.tags


def test_a_member_that_was_displaced_while_mlflow_was_away_becomes_dominated(book: Book) -> None:
    run_and_stop(book, a_study("displaced"))
    better = a_trial(2, score=0.9, latency_ms=3.0)
    book.tracker().begin(a_study("displaced"), standing(FIRST, better, front=(2,)))
    assert book.outcomes("displaced") == {0: "dominated", 1: "failed", 2: "front"}


def test_a_trial_that_mlflow_never_heard_of_has_its_curve(book: Book) -> None:
    trained = a_trial(0, curve=(0.25, 0.5, 0.75))
    book.tracker().begin(a_study("curve-alone"), standing(trained, front=(0,)))
    (run,) = book.children("curve-alone")
    history = book.client.get_metric_history(run.info.run_id, "epoch_score")
    assert [(point.step, point.value) for point in history] == [(1, 0.25), (2, 0.5), (3, 0.75)]
