from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from results.records import TrialRecord
from search.study.job import Job
from tests.search.records import a_record, histories


@given(histories(), st.booleans())
def test_a_job_and_its_result_are_plain_data_that_can_cross_to_another_process(
    past: list[TrialRecord], entrant: bool
) -> None:
    polishes = next((record for record in past if record.status == "scored"), None)
    job = Job(number=7, candidate=a_record(7).candidate, entrant=entrant, polishes=polishes, past=tuple(past))
    assert pickle.loads(pickle.dumps(job)) == job
    assert [TrialRecord.from_dict(record.to_dict()) for record in past] == past


def test_rivals_are_of_a_jobs_own_kind() -> None:
    past = (a_record(0), a_record(1, polishes=0), a_record(2))
    trial = Job(number=3, candidate=past[0].candidate, past=past)
    polishing = Job(number=3, candidate=past[0].candidate, past=past, polishes=past[2])
    entrant = Job(number=3, candidate=past[0].candidate, past=past, entrant=True)
    assert [record.number for record in trial.rivals] == [0, 2]
    assert [record.number for record in polishing.rivals] == [1]
    assert entrant.rivals == ()
