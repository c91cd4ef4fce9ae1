from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from tokenizers import Tokenizer

from search.artifacts.scoring import artifact_logits, score_artifact
from search.bundles.bundle import CHECKSUMS, CONTENTS, Bundle, read_formats
from search.bundles.verify import check_hashes, verify_bundle
from search.config import load_config
from search.errors import UsageError
from search.sampling.store import StudyStore
from search.tasks import Split, Task
from tests.search.conftest import FinishedTrial, tiny_candidate, with_settings

LOAD_WITH_TRANSFORMERS = """
import json, sys
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder, texts = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
with torch.inference_mode():
    logits = [model(**tokenizer(text, truncation=True, return_tensors="pt")).logits[0].tolist() for text in texts]
ours = sorted(name for name in sys.modules if name.split(".")[0] in ("search", "spaces", "trackers"))
print(json.dumps({"logits": logits, "labels": model.config.id2label, "ours": ours}))
"""


@pytest.fixture(scope="module")
def bundle(finished_trial: FinishedTrial, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return finished_trial.export(tmp_path_factory.mktemp("exported") / "deep" / "bundle")


def test_a_bundle_has_all_that_a_deployment_and_a_doubter_needs(bundle: Bundle) -> None:
    names = {path.name for path in bundle.folder.iterdir()}
    assert names >= {
        "model.onnx",
        "tokenizer.json",
        "model.safetensors",
        "config.json",
        "elastic.py",
        "candidate.json",
        "costs.json",
        "study.yaml",
        "README.md",
        CHECKSUMS,
    }
    assert list(bundle.folder.parent.iterdir()) == [bundle.folder]


def test_the_artefact_is_the_very_file_that_was_measured(bundle: Bundle, finished_trial: FinishedTrial) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        assert (bundle.folder / name).read_bytes() == (finished_trial.folder / name).read_bytes()


def test_a_bundle_opens_again_as_what_was_exported(bundle: Bundle, finished_trial: FinishedTrial) -> None:
    opened = Bundle.open(bundle.folder)
    assert opened == bundle
    assert opened.candidate == tiny_candidate()
    assert opened.config == finished_trial.bench.config
    assert opened.labels == ["lights", "timers"]


def test_its_study_file_gives_the_study_again(bundle: Bundle, finished_trial: FinishedTrial) -> None:
    assert load_config(str(bundle.folder / "study.yaml"), {}) == finished_trial.bench.config


def test_the_proof_holds_what_the_trial_found_and_the_score_on_the_test_split(
    bundle: Bundle, finished_trial: FinishedTrial, tiny_task: Task
) -> None:
    proof = json.loads((bundle.folder / "costs.json").read_text())
    assert finished_trial.record.costs is not None
    assert proof["costs"] == finished_trial.record.costs.figures
    assert proof["score"]["validation"] == finished_trial.record.score
    assert proof["score"]["test"] == score_artifact(bundle.folder, tiny_task, tiny_task.test, 1)
    assert (proof["score"]["validation_texts"], proof["score"]["test_texts"]) == (8, 8)
    assert proof["agreement"]["measured"] <= proof["agreement"]["tolerance"]
    assert proof["budgets"] == {"latency_ms": 1000, "memory_mb": 2000, "size_mb": 500, "score": 0}
    assert proof["versions"]["onnxruntime"]


def test_sha256sum_accepts_the_list_of_files(bundle: Bundle) -> None:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("needs sha256sum")
    finished = subprocess.run(
        [program, "--strict", "-c", CHECKSUMS], cwd=bundle.folder, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    listed = {line.partition("  ")[2] for line in (bundle.folder / CHECKSUMS).read_text().splitlines()}
    files = {path.relative_to(bundle.folder).as_posix() for path in bundle.folder.rglob("*") if path.is_file()}
    assert listed == files - {CHECKSUMS}


def test_the_checkpoint_loads_with_transformers_alone_and_answers_as_the_artefact(
    bundle: Bundle, tiny_task: Task, tmp_path: Path
) -> None:
    texts = [*tiny_task.validation.texts, "turn on the light " * 100]
    finished = subprocess.run(
        [sys.executable, "-c", LOAD_WITH_TRANSFORMERS, str(bundle.folder), json.dumps(texts)],
        env={**os.environ, "HF_MODULES_CACHE": str(tmp_path / "modules"), "HF_HUB_OFFLINE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout)
    assert answer["ours"] == []
    assert answer["labels"] == {"0": "lights", "1": "timers"}
    np.testing.assert_allclose(artifact_logits(bundle.folder, texts, 1), answer["logits"], atol=1e-4)


def run_as_the_readme_says(bundle: Bundle) -> str:
    """The label that the command of the bundle's card prints."""
    readme = (bundle.folder / "README.md").read_text()
    command = readme.partition("```sh\npython ")[2].partition("\n```\n")[0]
    finished = subprocess.run(
        f"{sys.executable} -I {command}", shell=True, cwd=bundle.folder, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.partition("  ")[0]


def test_the_command_in_the_readme_runs_on_its_own_and_prints_a_label(bundle: Bundle, tiny_task: Task) -> None:
    predicted = artifact_logits(bundle.folder, tiny_task.validation.texts[:1], 1).argmax()
    assert run_as_the_readme_says(bundle) == tiny_task.labels[predicted]


def test_the_program_of_a_bundle_needs_nothing_but_three_libraries_and_reads_lines(
    bundle: Bundle, tiny_task: Task
) -> None:
    script = "import run, sys; print(list(run.predict(sys.argv[1:])), sorted({m.split('.')[0] for m in sys.modules}))"
    texts = tiny_task.validation.texts[:3]
    finished = subprocess.run(
        [sys.executable, "-c", script, *texts], cwd=bundle.folder, capture_output=True, text=True, check=True
    )
    assert not re.search(r"'(torch|transformers|search|spaces|trackers|mlflow)'", finished.stdout)
    expected = softmax(artifact_logits(bundle.folder, texts, 1), axis=1)
    lines = subprocess.run(
        [sys.executable, bundle.folder / "run.py"], input="\n".join(texts), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for line, text, row in zip(lines, texts, expected, strict=True):
        assert line == f"{tiny_task.labels[row.argmax()]}  {row.max():.3f}  {text}"


def test_a_bundle_without_a_checkpoint_is_smaller_and_verifies(
    finished_trial: FinishedTrial, bundle: Bundle, tmp_path: Path
) -> None:
    small = finished_trial.export(tmp_path / "small", ("onnx",))
    assert {path.name for path in small.folder.iterdir()} == {*CONTENTS["onnx"], CHECKSUMS}
    assert small.proof["agreement"] == bundle.proof["agreement"]
    checks = {check.name: check.passed for check in verify_bundle(small, finished_trial.bench.task, small.device)}
    assert "agreement" not in checks
    assert all(checks.values())


@pytest.mark.parametrize("kind", ["fp32", "int8"])
def test_a_bundle_for_openvino_answers_alike(
    kind: str, finished_trial: FinishedTrial, finished_int8_trial: FinishedTrial, tmp_path: Path
) -> None:
    openvino = pytest.importorskip("openvino")
    trial = finished_trial if kind == "fp32" else finished_int8_trial
    bundle = trial.export(tmp_path / kind, ("onnx", "openvino"))
    model = openvino.Core().compile_model(bundle.folder / "openvino" / "model.xml", "CPU")
    tokenizer = Tokenizer.from_file(str(bundle.folder / "tokenizer.json"))
    texts = trial.bench.task.validation.texts
    rows = [np.array([tokenizer.encode(text).ids]) for text in texts]
    answers = np.concatenate([model({"input_ids": row, "attention_mask": np.ones_like(row)})[0] for row in rows])
    here = artifact_logits(bundle.folder, texts, 1)
    np.testing.assert_allclose(softmax(answers, axis=1), softmax(here, axis=1), atol=1e-3 if kind == "fp32" else 0.1)
    checks = list(verify_bundle(bundle, trial.bench.task, bundle.device))
    assert all(check.passed for check in checks)
    (bundle.folder / "openvino" / "model.bin").unlink()
    assert not check_hashes(bundle).passed


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown 'onxx', did you mean 'onnx'"):
        read_formats("hf,onxx")


def test_the_code_in_the_readme_stands_odd_labels_and_texts(
    finished_trial: FinishedTrial, tiny_task: Task, tmp_path: Path
) -> None:
    odd = 'she said "it\'s {on}"\n``` and so on \\ 100%'
    task = dataclasses.replace(
        tiny_task,
        labels=('the "{light}"', "it's 5%"),
        validation=Split((odd, *tiny_task.validation.texts), (0, *tiny_task.validation.labels)),
    )
    tampered = dataclasses.replace(finished_trial, bench=dataclasses.replace(finished_trial.bench, task=task))
    assert run_as_the_readme_says(tampered.export(tmp_path / "bundle")) in task.labels


def test_the_readme_tells_the_figures(bundle: Bundle, finished_trial: FinishedTrial) -> None:
    readme = (bundle.folder / "README.md").read_text()
    costs = finished_trial.record.costs
    assert costs is not None
    assert f"| latency, p50 (ms) | {costs.latency_ms:.4g} | at most 1000 |" in readme
    assert f"| validation | {finished_trial.record.score:.4f} | | 8 |" in readme
    low, high = bundle.proof["score"]["test_interval"]
    assert low <= bundle.proof["score"]["test"] <= high
    assert f"{low:.4f} to {high:.4f}" in readme
    assert ("The timing was noisy" in readme) == (not costs.steady)


def test_the_readme_tells_how_a_candidate_came_by_its_weights(finished_trial: FinishedTrial, tmp_path: Path) -> None:
    bench, record = finished_trial.bench, finished_trial.record
    given = finished_trial.export(tmp_path / "trained")
    assert (
        "| training | 3 epoch(s), batch size 8, learning rate 0.002; pruned by magnitude in 1 round(s) |"
        in (given.folder / "README.md").read_text()
    )
    assert given.proof["polished"] is False
    settings = {"strategy": "supernet", "warm_up_epochs": 4, "trial_steps": 30, "polish_epochs": 5}
    supernet = with_settings(bench, **settings)
    inherited = dataclasses.replace(record, candidate=record.candidate.model_copy(update={"training": None}))
    polished = dataclasses.replace(inherited, polishes=0)
    found = {}
    for name, trial in (("cut", inherited), ("polished", polished)):
        bundle = dataclasses.replace(finished_trial, bench=supernet, record=trial).export(tmp_path / name)
        assert bundle.proof["polished"] == (name == "polished")
        found[name] = re.findall(r"\| training \| (.*) \|", (bundle.folder / "README.md").read_text())
    cut = "cut from a super-network of 4 + 1 epochs, 30 steps of distillation"
    assert found == {"cut": [cut], "polished": [f"{cut}, polished for 5 epoch(s) of distillation"]}


def test_an_int8_bundle_ships_the_int8_file(finished_int8_trial: FinishedTrial, tmp_path: Path) -> None:
    bundle = finished_int8_trial.export(tmp_path / "bundle")
    assert bundle.candidate.compression.quantisation == "dynamic-int8"
    sizes = {name: (bundle.folder / name).stat().st_size for name in ("model.onnx", "model.safetensors")}
    assert sizes["model.onnx"] < 0.3 * sizes["model.safetensors"]
    assert bundle.proof["agreement"]["tolerance"] == 0.1


def test_an_empty_folder_is_used(finished_trial: FinishedTrial, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert finished_trial.export(out).folder == out
    assert (out / "model.onnx").is_file()


def test_a_folder_that_holds_something_is_refused_and_left_alone(finished_trial: FinishedTrial, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        finished_trial.export(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_file_in_the_way_is_refused_and_left_alone(finished_trial: FinishedTrial, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        finished_trial.export(out)
    assert out.read_text() == "mine"


@pytest.mark.parametrize("missing", ["tokenizer.json", "model.onnx", "checkpoint/model.safetensors"])
def test_nothing_remains_when_writing_fails(missing: str, finished_trial: FinishedTrial, tmp_path: Path) -> None:
    harmed = dataclasses.replace(finished_trial, store=StudyStore(tmp_path, "tiny"))
    shutil.copytree(finished_trial.folder, harmed.folder)
    (harmed.folder / missing).unlink()
    parent = tmp_path / "bundles"
    with pytest.raises(OSError, match=r"."):
        harmed.export(parent / "bundle")
    assert list(parent.iterdir()) == []


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json", "candidate.json", "costs.json", "study.yaml"])
def test_a_folder_without_its_parts_is_no_bundle(missing: str, bundle: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(bundle.folder, folder)
    (folder / missing).unlink()
    with pytest.raises(UsageError, match=f"is no bundle, it has no {missing}"):
        Bundle.open(folder)


@pytest.mark.parametrize("name", ["candidate.json", "costs.json", "study.yaml"])
def test_a_bundle_with_a_broken_part_is_an_error_in_one_line(name: str, bundle: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(bundle.folder, folder)
    (folder / name).write_text("- not\n- what it was\n")
    with pytest.raises(UsageError, match=name):
        Bundle.open(folder)
