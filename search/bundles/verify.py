"""Verifies a bundle: everything that it claims is computed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from search.artifacts.scoring import artifact_logits, score_artifact
from search.bundles.agreement import TOLERANCES, disagreement
from search.bundles.bundle import CHECKSUMS, CONTENTS, Bundle, checksums
from search.devices.device import Device
from search.tasks import Task
from search.tasks.task import N_TIMED_TEXTS


@dataclass(frozen=True)
class Check:
    """One claim of a bundle.

    Attributes:
        name: What was checked.
        passed: Whether it holds.
        finding: What was found, with the figures.
    """

    name: str
    passed: bool
    finding: str


def verify_bundle(bundle: Bundle, task: Task, device: Device) -> Iterator[Check]:
    """Check a bundle's hashes, then its agreement with the checkpoint if it has one, its score, its budgets
    and what it answers on the device.

    Args:
        bundle: What to verify.
        task: The study's task, whose validation split is scored again.
        device: The study's device, where costs are measured again.

    Yields:
        A check as soon as it is made. What has been tampered with is not run.
    """
    hashes = check_hashes(bundle)
    yield hashes
    if hashes.passed:
        if "hf" in bundle.formats:
            yield check_agreement(bundle, task, device)
        yield check_score(bundle, task, device, "validation")
        yield check_score(bundle, task, device, "test")
        yield from check_costs(bundle, task, device)


def check_hashes(bundle: Bundle) -> Check:
    """Every file of the bundle is there and unchanged."""
    if not (bundle.folder / CHECKSUMS).is_file():
        return Check("hashes", False, f"{CHECKSUMS} is missing")
    listed = (bundle.folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    recorded = {name: digest for digest, _, name in (line.partition("  ") for line in listed)}
    found = checksums(bundle.folder)
    wrong = sorted(name for name, digest in recorded.items() if found.get(name) != digest)
    wrong += sorted(name for made in bundle.formats for name in CONTENTS[made] if name not in recorded)
    finding = f"changed, missing or not listed: {', '.join(wrong)}" if wrong else f"{len(recorded)} files as exported"
    return Check("hashes", not wrong, finding)


def check_agreement(bundle: Bundle, task: Task, device: Device) -> Check:
    """The artefact answers as its checkpoint does."""
    tolerance = TOLERANCES[bundle.candidate.compression.quantisation].probability
    off = disagreement(bundle.folder, task, device.batch_size)
    finding = f"probabilities differ by {off:.2g} on average from the checkpoint's, tolerance {tolerance:g}"
    return Check("agreement", off <= tolerance, finding)


def check_score(bundle: Bundle, task: Task, device: Device, part: Literal["validation", "test"]) -> Check:
    """The artefact scores as recorded on a split."""
    tolerance = TOLERANCES[bundle.candidate.compression.quantisation].score
    recorded = bundle.proof["score"][part]
    split = task.test if part == "test" else task.validation
    score = score_artifact(bundle.folder, task, split, device.batch_size)
    finding = f"{task.metric} {score:.4f}, recorded {recorded:.4f}, tolerance {tolerance:g}"
    return Check(f"{part} score", abs(score - recorded) <= tolerance, finding)


def check_costs(bundle: Bundle, task: Task, device: Device) -> Iterator[Check]:
    """Each budget holds, measured anew; and the device answers as this machine does."""
    texts = task.validation.sample(N_TIMED_TEXTS, seed=0).texts
    costs = device.measure(bundle.folder, texts)
    if not costs.predicted:
        yield _check_answers(bundle, task, device, texts, np.array(costs.logits))
    figures = {**costs.figures, "score": bundle.proof["score"]["validation"]}
    budgets = bundle.config.budgets
    predicted = " (predicted)" if costs.predicted else ""
    for name, excess in budgets.excess(figures).items():
        yield Check(f"budget {name}", excess <= 0, f"{figures[name]:.4g}{predicted}, {budgets.bounds[name]} allowed")
    if not budgets.limits:
        yield Check("budgets", True, f"none set; p50 {costs.latency_ms:.2f} ms{predicted}, {costs.size_mb:.1f} MB")


def _check_answers(bundle: Bundle, task: Task, device: Device, texts: Sequence[str], logits: np.ndarray) -> Check:
    """What the device answered is what this machine answers."""
    tolerance = TOLERANCES[bundle.candidate.compression.quantisation].probability
    here = artifact_logits(bundle.folder, texts, device.batch_size)
    off = float(task.kind.distance(logits, here).mean())
    finding = f"probabilities differ by {off:.2g} on average between {device.name} and here, tolerance {tolerance:g}"
    return Check("the device's answers", off <= tolerance, finding)
