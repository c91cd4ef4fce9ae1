"""Views: how the MLflow pages list a study's runs, saved in the experiment, so that what matters comes first.

MLflow keeps a saved view in a tag of the experiment: a name, and the state of the page, which may be compressed.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.tracking import MlflowClient

TAG = "mlflow.sharedViewState."
# Without it, the pages beside are those for language-model agents.
FOR_TRAINING = "workflowType=machine_learning"
EXPERIMENTS = f"#/experiments?{FOR_TRAINING}"
FRONT, TRIALS = "bertailor-front", "bertailor-trials"

COLUMNS = (
    "tags.`outcome`",
    "metrics.`score`",
    "metrics.`latency_ms`",
    "metrics.`size_mb`",
    "metrics.`memory_mb`",
    "metrics.`energy_mj`",
    "params.`depth`",
    "params.`heads`",
    "params.`ffn_sizes`",
    "params.`quantisation`",
)


def view_tags() -> dict[str, str]:
    """The tags of an experiment by which MLflow's pages offer the views."""
    views = {
        FRONT: ("Front", _state("tags.outcome = 'front'", COLUMNS[1:])),
        TRIALS: ("Trials", _state("tags.trial != ''", (*COLUMNS, "tags.`reason`"))),
    }
    return {f"{TAG}{key}": _saved(name, state) for key, (name, state) in views.items()}


def view_page(experiment_id: str, view: str) -> str:
    """The address of a view, from the server's on."""
    return f"#/experiments/{experiment_id}/runs?viewStateShareKey={view}&{FOR_TRAINING}"


def run_page(experiment_id: str, run_id: str, inside: str = "") -> str:
    """The address of a run, or of a page inside it, likewise."""
    return f"#/experiments/{experiment_id}/runs/{run_id}{inside}?{FOR_TRAINING}"


def study_page(client: MlflowClient, study: str | None) -> str:
    """Where to open the pages: at a study's run, or at that of the newest study."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    wanted = "tags.study != ''" if study is None else f"tags.study = '{study}'"
    newest = client.search_runs(experiments, wanted, order_by=["attributes.start_time DESC"], max_results=1)
    return run_page(newest[0].info.experiment_id, newest[0].info.run_id) if newest else EXPERIMENTS


def _state(condition: str, columns: Sequence[str]) -> dict[str, Any]:
    return {
        "searchFilter": condition,
        # Runs that are sorted by their date, which is the default, are folded away under the study's.
        "orderByKey": "metrics.`score`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(columns),
        "columnOrder": list(columns),
        "runsHiddenMode": "SHOW_ALL",
        "viewMaximized": False,
        "runListHidden": False,
        "hideEmptyCharts": True,
        "groupBy": None,
        "compareRunSections": [{"uuid": "costs", "name": "Score and costs", "display": True, "isReordered": True}],
        "compareRunCharts": [_scatter("latency_ms"), _scatter("size_mb")],
    }


def _scatter(cost: str) -> dict[str, Any]:
    return {
        "uuid": f"score-{cost}",
        "type": "SCATTER",
        "metricSectionId": "costs",
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
        "xaxis": {"key": cost, "type": "METRIC"},
        "yaxis": {"key": "score", "type": "METRIC"},
    }


def _saved(name: str, state: Mapping[str, Any]) -> str:
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return json.dumps({"name": name, "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"})
