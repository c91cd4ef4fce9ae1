"""Photographs a study as README and the pages show it: `python docs/screenshots.py STUDY FOLDER`.

Its front as the study drew it, and MLflow's pages in headless Chromium.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests
from mlflow.tracking import MlflowClient
from playwright.sync_api import Page, sync_playwright

from search.cli.console import DEFAULT_STORE
from trackers.mlflow.store import embedded_uri
from trackers.mlflow.views import TRIALS, run_page, view_page

SETTLED_MS = 5000


def main(study: str, folder: Path) -> None:
    """Start the pages, and photograph them."""
    client = MlflowClient(embedded_uri(DEFAULT_STORE))
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    run = client.search_runs(experiments, f"tags.study = '{study}'", max_results=1)[0]
    front = client.download_artifacts(run.info.run_id, "plots/front.png")
    shutil.copyfile(front, folder / "front.png")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [Path(sys.executable).with_name("bertailor"), "ui", study, "--port", str(port), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        while not answers(f"{address}/health"):
            time.sleep(0.5)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1500, "height": 900})
            # Without MLflow's assistant, which opens for every new browser.
            page.add_init_script("localStorage['mlflow.assistant.fab.autoOpenedOnFirstLoad_v1'] = 'true'")
            show(page, f"{address}/{run_page(run.info.experiment_id, run.info.run_id)}")
            page.get_by_role("button", name="Expand description").click()
            page.screenshot(path=folder / "study.png")
            show(page, f"{address}/{view_page(run.info.experiment_id, TRIALS)}&compareRunsMode=CHART")
            page.screenshot(path=folder / "trials.png")
            browser.close()
    finally:
        server.terminate()
        server.wait()


def show(page: Page, address: str) -> None:
    """Open a page anew, and give it time to fill."""
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_timeout(SETTLED_MS)


def answers(address: str) -> bool:
    """Whether a server answers there."""
    try:
        return requests.get(address, timeout=1).ok
    except requests.RequestException:
        return False


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
