"""Bundles: an exported winner with all that a deployment, and whoever doubts it, needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self, cast

from transformers import AutoTokenizer

from results.records import TrialRecord
from search.artifacts.scoring import artifact_answers, artifact_logits
from search.bundles.agreement import TOLERANCES, disagreement
from search.bundles.model_card import model_card
from search.bundles.openvino import write_openvino
from search.bundles.program import runner
from search.compression import Draft, apply, steps_of_the_encoder
from search.compression.corpus import read_corpus
from search.config import StudyConfig
from search.devices.device import Device
from search.devices.loading import parse_device
from search.errors import UsageError
from search.files import sha256_of, whole_folder
from search.models.checkpoint import CHECKPOINT, save_checkpoint, stock_class
from search.models.elastic import ElasticForSequenceClassification
from search.reading import parse, read_mapping
from search.runtime.classifier import MODEL, TOKENIZER
from search.study.strategies import strategy_of
from search.tasks import Task
from search.tasks.intervals import score_interval
from search.tasks.kinds import KINDS, SINGLE_LABEL, Kind
from spaces import Candidate, nearest

# A bundle holds the artefact and may hold the checkpoint, for transformers, and the artefact for Intel's runtime.
Format = Literal["onnx", "hf", "openvino"]
CHECKSUMS = "SHA256SUMS"
# These files make a bundle; a vocabulary and the like may lie beside them.
CONTENTS: dict[Format, tuple[str, ...]] = {
    "onnx": (
        "README.md",
        "candidate.json",
        "costs.json",
        "labels.json",
        "model.onnx",
        "run.py",
        "study.yaml",
        "tokenizer.json",
    ),
    "hf": ("config.json", "model.safetensors"),
    "openvino": ("openvino/model.bin", "openvino/model.xml"),
}
# A bundle says this of its device: it tells no host, and no command that whoever verifies it would run.
DEVICE_FIELDS = ("name", "kind", "threads", "batch_size", "time_limit_s", "power_w", "cores", "memory_limit_mb")
LIBRARIES = ("bertailor", "onnxruntime", "optuna", "tokenizers", "torch", "torch-pruning", "transformers")


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Attributes:
        folder: Where it lies.
        candidate: What it holds.
        config: The study that found it.
        proof: What ``costs.json`` says: costs, scores, budgets, agreement, versions.
    """

    folder: Path
    candidate: Candidate
    config: StudyConfig
    proof: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read a bundle.

        Raises:
            UsageError: The folder is no bundle.
        """
        for name in (MODEL, TOKENIZER, "candidate.json", "costs.json", "labels.json", "study.yaml"):
            if not (folder / name).is_file():
                raise UsageError(f"{folder} is no bundle, it has no {name}: make one with `bertailor export`")
        path = folder / "study.yaml"
        return cls(
            folder=folder,
            candidate=parse(Candidate, read_mapping(folder / "candidate.json"), str(folder / "candidate.json")),
            config=parse(StudyConfig, read_mapping(path), str(path)),
            proof=read_mapping(folder / "costs.json"),
        )

    @property
    def device(self) -> Device:
        """The device that its costs were measured on, as far as a bundle tells: how to reach it, it doesn't.

        Raises:
            UsageError: It was measured elsewhere.
        """
        told = self.proof["device"]
        if told["kind"] != "local":
            raise UsageError(f"{self.folder} was made for {told['name']}, not for this machine: name it by --device")
        fields = {name: told[name] for name in DEVICE_FIELDS if name in told}
        return parse_device(fields, str(self.folder / "costs.json"))

    @property
    def labels(self) -> list[str]:
        """The label names, in the order of the logits."""
        return list(json.loads((self.folder / "labels.json").read_text(encoding="utf-8")))

    @property
    def kind(self) -> Kind:
        """The kind of its task."""
        return KINDS[self.proof.get("kind", SINGLE_LABEL.name)]  # bundles of 0.1.0 don't tell: there was one kind

    def answers(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """What the artefact answers to texts, as its program does."""
        return [self.kind.answer(logits, self.labels) for logits in artifact_logits(self.folder, texts, batch_size=1)]

    @property
    def formats(self) -> list[Format]:
        """The formats that it holds the model in."""
        return list(self.proof["formats"])


def export_bundle(
    trial: TrialRecord,
    trial_folder: Path,
    config: StudyConfig,
    task: Task,
    device: Device,
    out: Path,
    formats: Sequence[Format] = ("onnx", "hf"),
) -> Bundle:
    """Write the bundle of a trial.

    The artefact is the very file that the trial measured and scored. Its score on the test split is added.

    Args:
        trial: The finished trial to export.
        trial_folder: Where it kept its artefact and checkpoint.
        config: Its study.
        task: The study's task.
        device: The study's device.
        out: The folder to make.
        formats: What to write the model as, beside the artefact.

    Raises:
        UsageError: ``out`` exists and holds something, or OpenVINO is asked for and not installed.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty: name another folder with --out, or remove it")
    with whole_folder(out) as folder:
        _write(folder, trial, trial_folder, config, task, device, ["onnx", *(f for f in formats if f != "onnx")])
    return Bundle.open(out)


def read_formats(text: str) -> list[Format]:
    """The formats that a text names, with commas between them.

    Raises:
        UsageError: One is unknown.

    Example:
        >>> read_formats("onnx, hf")
        ['onnx', 'hf']
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in CONTENTS:
            raise UsageError(f"--format: unknown '{name}'{nearest(name, CONTENTS)}; there are {', '.join(CONTENTS)}")
    return cast(list[Format], names)


def checksums(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a bundle but the list of them, by name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def _write(
    folder: Path,
    trial: TrialRecord,
    trial_folder: Path,
    config: StudyConfig,
    task: Task,
    device: Device,
    formats: Sequence[Format],
) -> None:
    candidate = trial.candidate
    trained = Draft(
        model=ElasticForSequenceClassification.from_pretrained(trial_folder / CHECKPOINT).eval(),
        tokenizer=AutoTokenizer.from_pretrained(trial_folder / CHECKPOINT),
        max_tokens=task.max_tokens,
    )
    material = read_corpus(task, trained.tokenizer)[1]
    shipped = apply(steps_of_the_encoder(candidate.compression, material), trained)
    save_checkpoint(shipped.model, folder)
    shipped.tokenizer.model_max_length = shipped.max_tokens
    shipped.tokenizer.save_pretrained(folder)
    for name in (MODEL, TOKENIZER):
        shutil.copyfile(trial_folder / name, folder / name)
    measured = disagreement(folder, task, device.batch_size)
    if "hf" not in formats:
        for path in folder.iterdir():
            if path.name not in CONTENTS["onnx"]:
                path.unlink()
    if "openvino" in formats:
        write_openvino(folder)
    predicted = artifact_answers(folder, task, task.test, device.batch_size)
    proof = {
        "study": config.name,
        "trial": trial.number,
        "kind": task.kind.name,
        "formats": formats,
        "polished": trial.polishes is not None,
        "training": strategy_of(config).in_words(trial),
        "unknown_rate": trial.unknown_rate,
        "costs": {} if trial.costs is None else trial.costs.figures,
        "device": {**device.model_dump(mode="json", include={*DEVICE_FIELDS}), "machine": trial.machine},
        "budgets": config.budgets.limits,
        "score": {
            "metric": task.metric,
            "validation": trial.score,
            "validation_texts": len(task.validation),
            "test": task.score(task.test.labels, predicted.tolist()),
            "test_interval": score_interval(task, task.test.labels, predicted),
            "test_texts": len(task.test),
        },
        "agreement": {
            "measured": measured,
            "tolerance": TOLERANCES[candidate.compression.quantisation].probability,
        },
        "versions": {name: version(name) for name in LIBRARIES},
    }
    (folder / "candidate.json").write_text(candidate.model_dump_json(indent=2), encoding="utf-8")
    (folder / "labels.json").write_text(json.dumps(task.labels, ensure_ascii=False), encoding="utf-8")
    (folder / "run.py").write_text(runner(task.kind), encoding="utf-8")
    (folder / "costs.json").write_text(json.dumps(proof, indent=2), encoding="utf-8")
    (folder / "study.yaml").write_text(config.to_yaml(), encoding="utf-8")
    stock = stock_class(shipped.model.config)
    card = model_card(candidate, config, task, proof, stock.__name__ if stock else None)
    (folder / "README.md").write_text(card, encoding="utf-8")
    # The list is in the format of sha256sum, whose `sha256sum -c SHA256SUMS` checks a bundle where Python isn't.
    lines = [f"{digest}  {name}\n" for name, digest in checksums(folder).items()]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
