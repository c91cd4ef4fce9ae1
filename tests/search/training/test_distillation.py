from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import cut
from search.tasks import Split, Task
from search.tasks.kinds import SINGLE_LABEL
from search.training.batches import UNLABELLED, Batch, EncodedSplit
from search.training.distillation import HIDDEN_WEIGHT, distillation_loss, matched_layers
from search.training.losses import soft_cross_entropy
from search.training.optimisation import Progress, optimise, training_device
from spaces import Architecture, Training
from tests.search.encoders import small_encoder, small_inputs, words_of

NARROW = Architecture(layers=(0, 2), heads=(2, 1), ffn_sizes=(6, 6), hidden_size=10)
WIDE = Architecture(layers=(1, 2), heads=(2, 1), ffn_sizes=(6, 6), hidden_size=16)


def batch_of(*labels: int) -> Batch:
    return Batch(*small_inputs(batch=len(labels)), labels=torch.tensor(labels)).to(training_device())


def student_of(
    teacher: ElasticForSequenceClassification, architecture: Architecture
) -> ElasticForSequenceClassification:
    return cut(teacher, architecture).to(training_device())


def gradients(model: ElasticForSequenceClassification) -> dict[str, torch.Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize(
    ("depth", "teacher_depth", "expected"),
    [
        (1, 6, [5]),
        (2, 6, [2, 5]),
        (3, 6, [1, 3, 5]),
        (4, 12, [2, 5, 8, 11]),
        (6, 6, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_layers_are_matched_evenly(depth: int, teacher_depth: int, expected: list[int]) -> None:
    assert matched_layers(depth, teacher_depth) == expected


@given(depths=st.tuples(st.integers(1, 48), st.integers(1, 48)).map(sorted))
def test_each_layer_has_one_of_its_own_and_the_last_has_the_last(depths: list[int]) -> None:
    depth, teacher_depth = depths
    matched = matched_layers(depth, teacher_depth)
    assert len(matched) == depth
    assert matched == sorted(set(matched))
    assert (matched[0] >= 0, matched[-1]) == (True, teacher_depth - 1)


def test_the_soft_cross_entropy_is_that_of_the_teachers_probabilities() -> None:
    logits, taught = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    p = torch.tensor([2.0, 0.0]).softmax(dim=0)
    expected = (math.log(2) - (p.log().sum() / 2).item()) / 2
    assert soft_cross_entropy(logits, taught).item() == pytest.approx(expected)


def test_the_soft_cross_entropy_of_a_teacher_without_doubt_is_that_of_its_labels() -> None:
    logits, labels = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 1, 0])
    taught = 1000.0 * functional.one_hot(labels, 3)
    torch.testing.assert_close(soft_cross_entropy(logits, taught), functional.cross_entropy(logits, labels))


def test_nothing_pulls_at_a_student_that_answers_as_its_teacher() -> None:
    taught = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    logits = taught.clone().requires_grad_()
    soft_cross_entropy(logits, taught).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.zeros(4, 3), atol=1e-7, rtol=0)


def test_a_narrower_student_learns_from_the_answers_and_from_the_labels_that_there_are() -> None:
    teacher = small_encoder().to(training_device())
    student, batch = student_of(teacher, NARROW), batch_of(1, UNLABELLED, 0)
    logits = student(batch.input_ids, batch.attention_mask).logits
    taught = teacher(batch.input_ids, batch.attention_mask).logits
    expected = soft_cross_entropy(logits, taught) + functional.cross_entropy(logits[[0, 2]], batch.labels[[0, 2]])
    torch.testing.assert_close(distillation_loss(student, teacher, SINGLE_LABEL)(batch), expected)


def test_texts_without_labels_are_learnt_from_by_the_answers_alone() -> None:
    teacher = small_encoder().to(training_device())
    student, batch = student_of(teacher, NARROW), batch_of(UNLABELLED, UNLABELLED, UNLABELLED)
    distillation_loss(student, teacher, SINGLE_LABEL)(batch).backward()
    found = gradients(student)
    student.zero_grad()
    logits = student(batch.input_ids, batch.attention_mask).logits
    soft_cross_entropy(logits, teacher(batch.input_ids, batch.attention_mask).logits).backward()
    torch.testing.assert_close(found, gradients(student))
    assert found["classifier.weight"].any()


def test_a_student_as_wide_learns_from_the_hidden_states_too() -> None:
    teacher = small_encoder().to(training_device())
    student, batch = student_of(teacher, WIDE), batch_of(UNLABELLED, UNLABELLED)
    answer = student(batch.input_ids, batch.attention_mask, output_hidden_states=True)
    taught = teacher(batch.input_ids, batch.attention_mask, output_hidden_states=True)
    present = batch.attention_mask.bool()
    shares = []
    # State 0 is that of the embeddings; two layers are matched with the second and the third.
    for mine, theirs in zip(answer.hidden_states[1:], [taught.hidden_states[2], taught.hidden_states[3]], strict=True):
        target = theirs[present]
        shares.append((mine[present] - target).square().mean() / target.var())
    expected = soft_cross_entropy(answer.logits, taught.logits) + HIDDEN_WEIGHT * sum(shares) / 2
    torch.testing.assert_close(distillation_loss(student, teacher, SINGLE_LABEL)(batch), expected)


@pytest.mark.parametrize("architecture", [NARROW, WIDE], ids=["narrow", "wide"])
def test_padding_makes_no_difference(architecture: Architecture) -> None:
    teacher = small_encoder().to(training_device())
    student, batch = student_of(teacher, architecture), batch_of(0, 1, UNLABELLED)
    short = dataclasses.replace(batch, input_ids=batch.input_ids[:, :8], attention_mask=batch.attention_mask[:, :8])
    long = dataclasses.replace(
        short,
        input_ids=functional.pad(short.input_ids, (0, 6)),
        attention_mask=functional.pad(short.attention_mask, (0, 6)),
    )
    loss_of = distillation_loss(student, teacher, SINGLE_LABEL)
    torch.testing.assert_close(loss_of(long), loss_of(short))


@pytest.mark.parametrize("architecture", [NARROW, WIDE], ids=["narrow", "wide"])
def test_the_teacher_does_not_learn(architecture: Architecture) -> None:
    teacher = small_encoder().to(training_device())
    before = copy.deepcopy(teacher.state_dict())
    distillation_loss(student_of(teacher, architecture), teacher, SINGLE_LABEL)(batch_of(0, 1, UNLABELLED)).backward()
    assert all(weight.grad is None for weight in teacher.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in teacher.state_dict().items())


@pytest.mark.parametrize("architecture", [NARROW, WIDE], ids=["narrow", "wide"])
def test_a_student_comes_nearer_to_its_teacher_without_any_label(architecture: Architecture, tiny_task: Task) -> None:
    tokenizer = words_of(tiny_task.train.texts)
    teacher = small_encoder(vocab_size=len(tokenizer))
    student, untaught = cut(teacher, architecture), cut(teacher, architecture)
    unlabelled = Split(tiny_task.train.texts, (UNLABELLED,) * len(tiny_task.train))
    texts = EncodedSplit(unlabelled, tokenizer, max_tokens=16)
    told: list[Progress] = []

    def on_report(progress: Progress) -> bool:
        told.append(progress)
        return True

    training = Training(learning_rate=1e-2, batch_size=16, epochs=40)
    optimise(student, texts, training, distillation_loss(student, teacher, SINGLE_LABEL), seed=0, on_report=on_report)
    assert told[-1].train_loss < told[0].train_loss
    batch = next(texts.in_order_of_length(64))
    with torch.inference_mode():
        taught, before, after = (
            model.cpu()(batch.input_ids, batch.attention_mask).logits.softmax(dim=1)
            for model in (teacher, untaught, student)
        )
    assert (after - taught).abs().mean() < 0.5 * (before - taught).abs().mean()
