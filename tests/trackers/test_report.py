from __future__ import annotations

import re

from results.choosing import Ending, Standing
from tests.results.test_records import COMPARISON, a_study, a_trial, failed, over_budget
from trackers.description import in_words
from trackers.plots import plots
from trackers.report import report_page

STANDING = Standing(trials=(a_trial(0), over_budget(1), failed(2)), front=(0,), recommended=0)


def page_of(standing: Standing, ending: Ending | None = None, name: str = "lights") -> str:
    study = a_study(name)
    return report_page(study, standing, plots(study, standing), ending)


def test_it_needs_no_network_and_brings_plotly_once() -> None:
    page = page_of(STANDING)
    assert not re.search(r"<(script|link|img)[^>]*\s(src|href)=[\"']?(https?:)?//", page)
    assert page.count("Plotly.newPlot(") >= 4
    assert 4e6 < len(page) < 7e6


def test_it_tells_the_story_and_every_trial() -> None:
    page = page_of(STANDING, Ending(standing=STANDING, test_score=0.8125, comparison=COMPARISON))
    assert "<h2>lights: home-intents on this-machine</h2>" in page
    assert "0.8125" in page
    assert in_words(COMPARISON) in page
    for trial in STANDING.trials:
        assert f"<td>{trial.label}</td>" in page
    assert over_budget(1).reason in page
    assert "name: lights" in page


def test_what_trials_say_is_text_and_not_markup() -> None:
    standing = Standing(trials=(a_trial(0, status="failed", reason="<script>alert(1)</script>"),))
    assert "<script>alert" not in page_of(standing)


def test_a_study_without_trials_has_one_too() -> None:
    assert "Empty so far." in page_of(Standing())
