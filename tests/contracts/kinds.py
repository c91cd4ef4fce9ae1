"""What every kind of task owes: to the splits, to training, to the artefact's score, and to whoever gets an answer."""

from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search.artifacts.scoring import score_artifact
from search.bundles.bundle import Bundle
from search.bundles.program import in_a_line
from search.bundles.verify import verify_bundle
from search.models.slicing import cut
from search.tasks import Split, Task
from search.tasks.intervals import score_interval
from search.tasks.kinds import KINDS, Kind
from search.tasks.splits import carve
from search.training.batches import UNLABELLED, EncodedSplit
from search.training.distillation import distillation_loss
from search.training.fine_tuning import evaluate, label_loss
from search.training.losses import LOSSES
from search.training.optimisation import optimise
from search.training.super_network import train_super_network
from spaces import Architecture, Training
from tests.search.conftest import FinishedTrial
from tests.search.encoders import SMALL, small_encoder, words_of
from trackers.mlflow.registry import write_model

TRAINING = Training(learning_rate=1e-2, batch_size=16, epochs=30)
WHOLE = Architecture.uniform((0, 1, 2), heads=SMALL.heads, ffn_size=SMALL.ffn_size, hidden_size=SMALL.hidden_size)
NARROW = Architecture.uniform((0, 2), heads=2, ffn_size=6, hidden_size=10)

ANSWERED_BY_MLFLOW = """
import json, sys
import mlflow
print(json.dumps(mlflow.pyfunc.load_model(sys.argv[1]).predict(sys.argv[2:])))
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class KindSubject:
    """A kind, and what it would say of a few texts with two labels.

    Attributes:
        kind: What is tested.
        labels: The true labels of the texts.
        right: (texts, 2) logits by which they are predicted.
        wrong: (texts, 2) logits by which nothing is right.
        labels_of: The labels of a text that has the label of this index, and no other.
    """

    kind: Kind
    labels: Sequence[Any]
    right: np.ndarray
    wrong: np.ndarray
    labels_of: Callable[[int], Any]

    def task(self, single: Task) -> Task:
        """The same task as one of this kind."""

        def turned(split: Split) -> Split:
            return Split(split.texts, tuple(self.labels_of(label) for label in split.labels))

        return dataclasses.replace(
            single,
            kind=self.kind,
            metric=next(iter(self.kind.metrics)),
            train=turned(single.train),
            validation=turned(single.validation),
            read_test=lambda: turned(single.test),
        )


class EveryKind:
    """A class that inherits gives the fixture ``subject``, with the kind and its losses registered."""

    @pytest.fixture
    def task(self, subject: KindSubject, tiny_task: Task) -> Task:
        return subject.task(tiny_task)

    @pytest.fixture
    def bundle(self, task: Task, finished_trial: FinishedTrial, tmp_path: Path) -> Bundle:
        """The bundle of a trial whose two logits are read as this kind does."""
        score = score_artifact(finished_trial.folder, task, task.validation, batch_size=1)
        trial = dataclasses.replace(
            finished_trial,
            bench=dataclasses.replace(finished_trial.bench, task=task),
            record=dataclasses.replace(finished_trial.record, score=score),
        )
        return trial.export(tmp_path / "bundle")

    def test_it_is_found_by_its_name_and_so_are_its_losses(self, subject: KindSubject) -> None:
        assert KINDS[subject.kind.name] is subject.kind
        assert subject.kind.name in LOSSES

    def test_it_is_a_value(self, subject: KindSubject) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            subject.kind.name = "other"  # type: ignore[misc]
        assert pickle.loads(pickle.dumps(subject.kind)) == subject.kind
        assert hash(subject.kind) == hash(pickle.loads(pickle.dumps(subject.kind)))

    def test_every_metric_goes_from_nothing_right_to_all_right(self, subject: KindSubject) -> None:
        kind = subject.kind
        right, wrong = (kind.predict(logits).tolist() for logits in (subject.right, subject.wrong))
        for name, metric in kind.metrics.items():
            assert kind.checked(name) == name
            assert metric(subject.labels, right) == 1
            assert metric(subject.labels, wrong) == 0
            assert 0 < metric([*subject.labels] * 2, right + wrong) < 1

    def test_another_metric_is_refused_by_naming_those_that_there_are(self, subject: KindSubject) -> None:
        known = next(iter(subject.kind.metrics))
        with pytest.raises(ValueError, match=f"no metric '{known}s', did you mean '{known}'.*{known}"):
            subject.kind.checked(f"{known}s")

    def test_texts_with_the_same_labels_are_of_one_stratum_and_every_split_gets_its_share(
        self, subject: KindSubject
    ) -> None:
        labels = [subject.labels_of(i % 2) for i in range(40)]
        strata = subject.kind.strata(labels)
        assert [strata[i] == strata[0] for i in range(40)] == [i % 2 == 0 for i in range(40)]
        split = Split(tuple(map(str, range(40))), tuple(labels))
        left, carved = carve(split, [0.1], kind=subject.kind)
        assert sorted(left.texts + carved.texts) == sorted(split.texts)
        assert sorted(carved.labels) == sorted([subject.labels_of(0)] * 2 + [subject.labels_of(1)] * 2)

    def test_the_distance_of_answers_is_nothing_to_themselves_and_at_most_one(self, subject: KindSubject) -> None:
        distance = subject.kind.distance
        assert distance(subject.right, subject.right).tolist() == [0] * len(subject.labels)
        apart = distance(subject.right, subject.wrong)
        assert apart.shape == (len(subject.labels),)
        assert ((apart > 0.5) & (apart <= 1)).all()
        np.testing.assert_allclose(apart, distance(subject.wrong, subject.right))

    def test_logits_that_are_not_numbers_are_at_no_distance(self, subject: KindSubject) -> None:
        assert np.isnan(subject.kind.distance(np.full_like(subject.right, np.nan), subject.right)).all()

    def test_an_answer_is_json_and_follows_the_order_of_the_labels(self, subject: KindSubject) -> None:
        answer = subject.kind.answer
        for logits in subject.right:
            answered = answer(logits, ["lights", "timers"])
            assert json.loads(json.dumps(answered)) == answered
            turned = answer(logits[::-1], ["timers", "lights"])
            assert json.dumps(turned, sort_keys=True) == json.dumps(answered, sort_keys=True)

    def test_the_hard_loss_prefers_what_is_right_and_teaches(self, subject: KindSubject) -> None:
        hard, labels = LOSSES[subject.kind.name].hard, torch.tensor(subject.labels)
        right, wrong = (torch.tensor(logits, requires_grad=True) for logits in (subject.right, subject.wrong))
        assert hard(right, labels) < hard(wrong, labels)
        hard(wrong, labels).backward()
        assert wrong.grad is not None
        assert wrong.grad.abs().sum(dim=1).all()

    def test_the_soft_loss_pulls_to_the_teachers_answers_and_no_further(self, subject: KindSubject) -> None:
        soft, taught = LOSSES[subject.kind.name].soft, torch.tensor(subject.right)
        for start, moved in ((subject.right, False), (subject.wrong, True)):
            logits = torch.tensor(start, requires_grad=True)
            soft(logits, taught).backward()
            assert logits.grad is not None
            assert (logits.grad.abs().max() > 1e-6) == moved

    def test_an_encoder_learns_from_labels_and_another_from_its_answers_alone(
        self, subject: KindSubject, task: Task
    ) -> None:
        tokenizer = words_of(task.train.texts)
        texts = EncodedSplit(task.train, tokenizer, max_tokens=16)
        teacher = small_encoder(vocab_size=len(tokenizer))
        student = cut(teacher, WHOLE)
        untaught = evaluate(student, task, texts)
        optimise(teacher, texts, TRAINING, label_loss(teacher, task.kind), seed=0)
        assert evaluate(teacher, task, texts) > max(0.9, untaught)
        unlabelled = EncodedSplit(Split(task.train.texts, (UNLABELLED,) * len(task.train)), tokenizer, max_tokens=16)
        optimise(student, unlabelled, TRAINING, distillation_loss(student, teacher, task.kind), seed=0)
        assert evaluate(student, task, texts) > max(0.9, untaught)

    def test_texts_with_and_without_labels_are_learnt_from_together(self, subject: KindSubject, task: Task) -> None:
        tokenizer = words_of(task.train.texts)
        mixed = Split(task.train.texts[:4], (task.train.labels[0], UNLABELLED, UNLABELLED, task.train.labels[3]))
        (batch,) = EncodedSplit(mixed, tokenizer, max_tokens=16).in_order_of_length(4)
        assert int(batch.labelled.sum()) == 2
        teacher = small_encoder(vocab_size=len(tokenizer))
        student = cut(teacher, NARROW)
        losses = LOSSES[task.kind.name]
        logits, taught = (model(batch.input_ids, batch.attention_mask).logits for model in (student, teacher))
        expected = losses.soft(logits, taught) + losses.hard(logits[batch.labelled], batch.labels[batch.labelled])
        torch.testing.assert_close(distillation_loss(student, teacher, task.kind)(batch), expected)

    def test_a_super_network_is_trained_for_it(self, subject: KindSubject, task: Task) -> None:
        tokenizer = words_of(task.train.texts)
        texts = EncodedSplit(task.train, tokenizer, max_tokens=16)
        model = small_encoder(vocab_size=len(tokenizer))
        losses: list[tuple[str, float]] = []
        train_super_network(
            model,
            texts,
            task.kind,
            30,
            NARROW,
            lambda: WHOLE,
            importance="taylor",
            seed=0,
            on_report=lambda phase, progress: losses.append((phase, progress.train_loss)),
        )
        together = [loss for phase, loss in losses if phase == "together"]
        assert together[-1] < 0.9 * together[0], together[::10]

    def test_the_interval_of_a_score_contains_it(self, subject: KindSubject, task: Task) -> None:
        predicted = subject.kind.predict(np.concatenate([subject.right, subject.right, subject.wrong]))
        labels = [*subject.labels] * 3
        low, high = score_interval(task, labels, predicted)
        assert 0 <= low < task.score(labels, predicted.tolist()) < high <= 1
        assert score_interval(task, labels, predicted, predicted) == (0, 0)

    def test_a_winner_is_exported_and_verified(self, subject: KindSubject, task: Task, bundle: Bundle) -> None:
        assert bundle.kind == subject.kind
        checks = list(verify_bundle(bundle, task, bundle.device))
        assert all(check.passed for check in checks), checks
        assert f"gives {subject.kind.gives} to any text" in (bundle.folder / "README.md").read_text(encoding="utf-8")

    def test_its_program_answers_without_us_as_the_bundle_does(self, task: Task, bundle: Bundle) -> None:
        texts = task.validation.texts[:3]
        expected = bundle.answers(texts)
        script = "import json, run, sys; print(json.dumps(list(run.predict(sys.argv[1:]))))"
        told = subprocess.run(
            [sys.executable, "-c", script, *texts], cwd=bundle.folder, capture_output=True, text=True, check=True
        )
        assert json.loads(told.stdout) == expected
        lines = subprocess.run(
            [sys.executable, "-I", "run.py", *texts], cwd=bundle.folder, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert lines == [f"{in_a_line(answer)}  {text}" for answer, text in zip(expected, texts, strict=True)]

    def test_mlflow_answers_as_the_bundle_does(self, task: Task, bundle: Bundle, tmp_path: Path) -> None:
        texts = task.validation.texts[:3]
        expected = bundle.answers(texts)
        write_model(bundle.folder, expected[0], tmp_path / "model")
        told = subprocess.run(
            [sys.executable, "-c", ANSWERED_BY_MLFLOW, str(tmp_path / "model"), *texts],
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(told.stdout.splitlines()[-1]) == expected
