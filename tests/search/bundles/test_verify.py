from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from search.bundles.bundle import CHECKSUMS, Bundle, checksums
from search.bundles.verify import Check, verify_bundle
from search.graphs.export import export_onnx
from search.models.elastic import ElasticForSequenceClassification
from search.tasks import Task
from tests.search.conftest import FAST_DEVICE, FinishedTrial


@pytest.fixture(scope="module")
def exported(finished_trial: FinishedTrial, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_trial.export(tmp_path_factory.mktemp("exported") / "bundle").folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy of a bundle, to tamper with."""
    return Path(shutil.copytree(exported, tmp_path / "bundle"))


def checks(folder: Path, task: Task) -> dict[str, Check]:
    return {check.name: check for check in verify_bundle(Bundle.open(folder), task, FAST_DEVICE)}


def failed(folder: Path, task: Task) -> list[str]:
    return [name for name, check in checks(folder, task).items() if not check.passed]


def accept_as_listed(folder: Path) -> None:
    """Write the hashes anew, as one who hides a change would."""
    lines = [f"{digest}  {name}\n" for name, digest in checksums(folder).items()]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def set_budget(folder: Path, name: str, limit: float | None) -> None:
    path = folder / "study.yaml"
    study: dict[str, Any] = yaml.safe_load(path.read_text())
    study["budgets"] = {} if limit is None else {name: limit}
    path.write_text(yaml.safe_dump(study))
    accept_as_listed(folder)


def test_an_untouched_bundle_passes_every_check(folder: Path, tiny_task: Task) -> None:
    found = checks(folder, tiny_task)
    assert list(found) == [
        "hashes",
        "agreement",
        "validation score",
        "test score",
        "the device's answers",
        "budget latency_ms",
        "budget memory_mb",
        "budget size_mb",
        "budget score",
    ]
    assert all(check.passed for check in found.values()), found
    assert all(check.finding and "\n" not in check.finding for check in found.values())


def test_an_int8_bundle_passes_every_check(finished_int8_trial: FinishedTrial, tiny_task: Task, tmp_path: Path) -> None:
    assert failed(finished_int8_trial.export(tmp_path / "bundle").folder, tiny_task) == []


def test_a_changed_byte_fails_the_hashes_and_nothing_is_run(folder: Path, tiny_task: Task) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    found = checks(folder, tiny_task)
    assert list(found) == ["hashes"]
    assert not found["hashes"].passed
    assert "model.onnx" in found["hashes"].finding


@pytest.mark.parametrize("name", ["README.md", "elastic.py", "model.safetensors", "config.json"])
def test_a_missing_file_fails_the_hashes_by_its_name(name: str, folder: Path, tiny_task: Task) -> None:
    (folder / name).unlink()
    found = checks(folder, tiny_task)
    assert list(found) == ["hashes"]
    assert not found["hashes"].passed
    assert name in found["hashes"].finding


def test_a_missing_list_of_hashes_fails(folder: Path, tiny_task: Task) -> None:
    (folder / CHECKSUMS).unlink()
    assert failed(folder, tiny_task) == ["hashes"]


@pytest.mark.parametrize("kept", [[], ["README.md"]])
def test_a_list_that_leaves_the_model_out_fails(kept: list[str], folder: Path, tiny_task: Task) -> None:
    lines = (folder / CHECKSUMS).read_text().splitlines(keepends=True)
    (folder / CHECKSUMS).write_text("".join(line for line in lines if line.split()[1] in kept))
    assert failed(folder, tiny_task) == ["hashes"]


def test_another_model_with_hashes_to_match_fails_the_agreement(folder: Path, tiny_task: Task) -> None:
    other = ElasticForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        other.classifier.weight.neg_()
        other.classifier.bias.neg_()
    export_onnx(other, folder / "model.onnx")
    accept_as_listed(folder)
    found = checks(folder, tiny_task)
    assert found["hashes"].passed
    assert not found["agreement"].passed
    assert not found["validation score"].passed


def test_a_model_of_the_same_answers_and_other_probabilities_fails_the_agreement_alone(
    folder: Path, tiny_task: Task
) -> None:
    other = ElasticForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        other.classifier.weight *= 0.5
        other.classifier.bias *= 0.5
    export_onnx(other, folder / "model.onnx")
    accept_as_listed(folder)
    assert failed(folder, tiny_task) == ["agreement"]


def test_a_score_that_was_not_reached_fails_the_score(folder: Path, tiny_task: Task) -> None:
    path = folder / "costs.json"
    proof = json.loads(path.read_text())
    proof["score"]["validation"] -= 0.01
    path.write_text(json.dumps(proof))
    accept_as_listed(folder)
    assert failed(folder, tiny_task) == ["validation score"]


def test_a_test_score_that_was_not_reached_fails(folder: Path, tiny_task: Task) -> None:
    path = folder / "costs.json"
    proof = json.loads(path.read_text())
    proof["score"]["test"] -= 0.5
    path.write_text(json.dumps(proof))
    accept_as_listed(folder)
    assert failed(folder, tiny_task) == ["test score"]


@pytest.mark.parametrize(("name", "limit"), [("latency_ms", 1e-6), ("memory_mb", 1.0), ("size_mb", 0.1)])
def test_an_impossible_budget_fails_by_its_name(name: str, limit: float, folder: Path, tiny_task: Task) -> None:
    set_budget(folder, name, limit)
    found = checks(folder, tiny_task)
    assert [check.name for check in found.values() if not check.passed] == [f"budget {name}"]
    assert f"at most {limit:g} allowed" in found[f"budget {name}"].finding


def test_without_budgets_the_costs_are_still_told(folder: Path, tiny_task: Task) -> None:
    set_budget(folder, "latency_ms", None)
    found = checks(folder, tiny_task)
    assert list(found) == ["hashes", "agreement", "validation score", "test score", "the device's answers", "budgets"]
    assert found["budgets"].passed
    assert "p50" in found["budgets"].finding


def test_a_bundle_elsewhere_still_passes(folder: Path, tiny_task: Task, tmp_path: Path) -> None:
    moved = folder.rename(tmp_path / "a folder with spaces")
    assert failed(moved, tiny_task) == []
