"""Registers exported models in MLflow: with a signature, an alias, and flavours for ONNX and for texts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.onnx
import mlflow.pyfunc
import onnx
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.models.signature import ModelSignature, infer_signature
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from trackers.errors import TrackingError

# The version that was exported last has this alias.
ALIAS = "exported"
# A model's program needs these.
REQUIREMENTS = [f"{name}=={version(name)}" for name in ("numpy", "onnxruntime", "tokenizers")]
INPUTS = Schema([ColSpec(DataType.string)])  # without a name, a list of texts will do


def register(
    client: MlflowClient,
    *,
    study: str,
    trial: int,
    bundle: Path,
    answer: Mapping[str, Any],
    description: str,
    tags: Mapping[str, str],
) -> str:
    """Register a bundle's model as the next version of the study's model.

    Args:
        client: Of the store that recorded the study.
        study: The study's name, and the model's.
        trial: The number of the trial that it is.
        bundle: The folder with ``model.onnx``, ``tokenizer.json``, ``labels.json``, ``run.py`` and ``README.md``.
        answer: What it answers to some text, for the types of the signature.
        description: What the version's page says.
        tags: Further facts for the version's page.

    Returns:
        The version's address for ``mlflow.onnx.load_model`` and ``mlflow.pyfunc.load_model``.

    Raises:
        TrackingError: The store doesn't know the trial.
    """
    run_id = _run_of(client, study, trial)
    with tempfile.TemporaryDirectory() as folder:
        write_model(bundle, answer, Path(folder) / "model")
        client.log_artifacts(run_id, str(Path(folder) / "model"), "model")
    try:
        client.create_registered_model(study, description=f"Exported candidates of the study {study}.")
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    made = client.create_model_version(
        study, f"runs:/{run_id}/model", run_id, tags=dict(tags), description=description, await_creation_for=0
    )
    client.set_registered_model_alias(study, ALIAS, made.version)
    return f"models:/{study}@{ALIAS}"


def _run_of(client: MlflowClient, study: str, trial: int) -> str:
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    for parent in client.search_runs(experiments, f"tags.study = '{study}'"):
        inside = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent.info.run_id}' and tags.trial = '{trial}'"
        children: list[Run] = client.search_runs([parent.info.experiment_id], inside)
        if children:
            return str(children[0].info.run_id)
    raise TrackingError(
        f"the tracking store has no trial {trial} of study '{study}': was it recorded elsewhere? Name the place by"
        " MLFLOW_TRACKING_URI"
    )


def write_model(bundle: Path, answer: Mapping[str, Any], folder: Path) -> None:
    """An MLflow model of two flavours: the ONNX graph, and one that takes texts and gives answers."""
    outputs = infer_signature(model_output=[dict(answer)]).outputs
    model = Model(signature=ModelSignature(inputs=INPUTS, outputs=outputs))
    mlflow.onnx.save_model(
        onnx.load(bundle / "model.onnx"), str(folder), mlflow_model=model, pip_requirements=REQUIREMENTS
    )
    for name in ("tokenizer.json", "labels.json", "README.md"):
        shutil.copyfile(bundle / name, folder / name)
    (folder / "code").mkdir()
    shutil.copyfile(bundle / "run.py", folder / "code" / "run.py")
    mlflow.pyfunc.add_to_model(
        model, loader_module="run", code="code", conda_env="conda.yaml", python_env="python_env.yaml"
    )
    model.save(str(folder / "MLmodel"))
