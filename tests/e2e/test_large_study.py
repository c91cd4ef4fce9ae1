"""A thousand trials, as a study of a weekend has them, in the MLflow pages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from results.choosing import Ending, Standing, standing_after
from tests.e2e.conftest import COMMAND
from tests.e2e.test_browser import CHROMIUM, PATIENCE_MS
from tests.ports import free_port
from tests.results.test_records import a_study, a_trial, over_budget
from tests.servers import end_with_children, wait_for_page
from trackers.mlflow.tracker import MlflowTracker

N = 1000


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_a_study_of_a_thousand_trials_opens_and_filters(tmp_path: Path) -> None:
    tracker, standing = MlflowTracker(tmp_path / "mlruns"), Standing()
    study = a_study("large", n_trials=N, objectives=("score", "latency_ms"))
    tracker.begin(study, standing)
    for number in range(N):
        fast = 1 + 6 * (number * 617 % N) / N
        trial = over_budget(number) if number % 3 else a_trial(number, score=min(1, fast / 8), latency_ms=fast)
        tracker.start_trial(number, trial.label)
        standing = standing_after(standing, trial, study.objectives)
        tracker.end_trial(trial, standing)
    tracker.end(Ending(standing=standing))
    port = free_port()
    command = [COMMAND, "ui", "--port", str(port), "--no-browser"]
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_page(f"{address}/health", server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            page.goto(f"{address}/#/experiments/1/runs?viewStateShareKey=bertailor-trials")
            expect(page.get_by_role("link", name=re.compile(r"^#\d+ ")).first).to_be_visible(timeout=PATIENCE_MS)
            search = page.get_by_placeholder("metrics.rmse")
            search.fill("tags.outcome = 'front' and metrics.latency_ms < 1.5")
            search.press("Enter")
            wanted = sum(member.figures["latency_ms"] < 1.5 for member in standing.members)
            assert wanted
            expect(page.get_by_text(f"{wanted} matching runs")).to_be_visible(timeout=PATIENCE_MS)
            browser.close()
    finally:
        end_with_children(server)
