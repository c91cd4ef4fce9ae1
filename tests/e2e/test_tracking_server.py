"""A study that is recorded elsewhere, by a server that goes away in the middle."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.e2e.conftest import COMMAND, Study, bertailor, succeeded
from tests.ports import free_port
from tests.servers import running_mlflow


def children(address: str) -> list[str]:
    """The names of the ended trials' runs."""
    client = MlflowClient(address)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, "tags.trial != '' and attributes.status = 'FINISHED'")
    return sorted(run.info.run_name for run in runs)


@pytest.mark.slow
def test_a_server_that_is_killed_in_the_middle_gets_the_rest_from_the_same_command(
    study: Study, tmp_path: Path
) -> None:
    study(trials=6, polish_epochs=0)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    variables = {"MLFLOW_TRACKING_URI": address}
    with running_mlflow(tmp_path / "server", port):
        running = subprocess.Popen(
            [COMMAND, "search", "study.yaml"],
            cwd=tmp_path,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            text=True,
        )
        while len(children(address)) < 2:
            assert running.poll() is None
            time.sleep(0.5)
    said, _ = running.communicate(timeout=600)
    assert running.returncode == 0
    assert "the tracking server is away: records are kept" in said
    assert "nothing is lost: the same command" in said
    with running_mlflow(tmp_path / "server", port):
        assert bertailor("search", "study.yaml", cwd=tmp_path, env=variables).returncode == 0
        records = succeeded("front", "tiny", "--json", cwd=tmp_path)
        assert f'"trials": {len(children(address))}' in records
        exported = bertailor("export", "tiny", "--out", "bundle", cwd=tmp_path, env=variables)
        assert exported.returncode == 0
        assert "models:/tiny@exported" in exported.stdout
        client = MlflowClient(address)
        assert client.get_model_version_by_alias("tiny", "exported").run_id
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()
