"""Draws a study's front as the README shows it: `python docs/picture.py STUDY PNG`.

Takes the interactive page that the study logged to MLflow, and photographs it with headless Chromium.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from mlflow.tracking import MlflowClient

from search.cli.console import DEFAULT_STORE
from trackers.mlflow_tracker import tracking_uri

SIZE = "900,900"


def main(study: str, picture: str) -> None:
    """Fetch the page, and photograph it."""
    client = MlflowClient(tracking_uri(DEFAULT_STORE))
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    run = client.search_runs(experiments, f"tags.study = '{study}'", max_results=1)[0]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(client.download_artifacts(run.info.run_id, "front.html", folder)).resolve()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={SIZE}"]
        shot = ["--virtual-time-budget=5000", f"--screenshot={Path(picture).resolve()}", page.as_uri()]
        subprocess.run(["chromium", *options, *shot], check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main(*sys.argv[1:])
