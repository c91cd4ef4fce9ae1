from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from search.models.elastic import ElasticForSequenceClassification
from search.study.workbench import Workbench
from search.training.batches import Batch
from search.training.fine_tuning import evaluate, label_loss
from search.training.optimisation import DivergenceError, Progress, optimise
from spaces import Training

NewModel = Callable[..., ElasticForSequenceClassification]
THREE_EPOCHS = Training(learning_rate=2e-3, epochs=3, batch_size=8)


class Drift(nn.Module):
    """A single weight that every step would lower as far as its learning rate lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1))

    def loss(self, batch: Batch) -> Tensor:
        return self.place.sum()


def tuned(
    model: ElasticForSequenceClassification, bench: Workbench, training: Training = THREE_EPOCHS, seed: int = 0
) -> list[Progress]:
    told: list[Progress] = []

    def on_report(progress: Progress) -> bool:
        told.append(progress)
        return True

    assert optimise(model, bench.train, training, label_loss(model, bench.task.kind), seed=seed, on_report=on_report)
    return told


def test_the_loss_falls_and_the_answers_beat_chance(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    told = tuned(model, bench)
    assert told[-1].train_loss < 0.5 * told[0].train_loss
    assert evaluate(model, bench.task, bench.validation) > 0.8


def test_it_reports_four_times_an_epoch(bench: Workbench, new_tiny_model: NewModel) -> None:
    assert len(bench.train) == 64
    told = tuned(new_tiny_model(), bench)
    assert [(progress.step, progress.epochs) for progress in told] == [(2 * n, n / 4) for n in range(1, 13)]


def test_a_report_has_the_mean_loss_of_the_steps_since_the_last(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    losses: list[float] = []
    told: list[Progress] = []

    def loss_of(batch: Batch) -> Tensor:
        loss = label_loss(model, bench.task.kind)(batch)
        losses.append(loss.item())
        return loss

    def on_report(progress: Progress) -> bool:
        told.append(progress)
        return True

    optimise(
        model, bench.train, Training(learning_rate=1e-3, batch_size=8, steps=8), loss_of, seed=0, on_report=on_report
    )
    expected = [(losses[i] + losses[i + 1]) / 2 for i in range(0, 8, 2)]
    assert [progress.train_loss for progress in told] == pytest.approx(expected)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch_size=st.integers(8, 100), epochs=st.integers(1, 3), steps=st.one_of(st.none(), st.integers(1, 20)))
def test_a_training_of_any_length_reports_in_order_and_at_its_very_end(
    batch_size: int, epochs: int, steps: int | None, bench: Workbench
) -> None:
    training = Training(learning_rate=1e-3, epochs=epochs, batch_size=batch_size, steps=steps)
    model, told = Drift(), list[int]()

    def on_report(progress: Progress) -> bool:
        told.append(progress.step)
        return True

    optimise(model, bench.train, training, model.loss, seed=0, on_report=on_report)
    n_epoch_steps = math.ceil(64 / batch_size)
    assert told == sorted(set(told))
    assert told[-1] == (epochs * n_epoch_steps if steps is None else steps)
    assert len(told) == min(told[-1], 4 * epochs if steps is None else 4) or n_epoch_steps < 4


def test_a_training_counted_in_steps_goes_on_over_the_end_of_the_texts(
    bench: Workbench, new_tiny_model: NewModel
) -> None:
    told = tuned(new_tiny_model(), bench, Training(learning_rate=1e-3, batch_size=8, steps=20, epochs=7))
    assert [(progress.step, progress.epochs) for progress in told] == [(5, 0.625), (10, 1.25), (15, 1.875), (20, 2.5)]


def test_it_stops_at_once_when_a_report_is_answered_with_no(bench: Workbench) -> None:
    model, told, seen = Drift(), list[int](), list[int]()

    def loss_of(batch: Batch) -> Tensor:
        seen.append(len(batch.labels))
        return model.loss(batch)

    def on_report(progress: Progress) -> bool:
        told.append(progress.step)
        return len(told) < 3

    assert not optimise(model, bench.train, THREE_EPOCHS, loss_of, seed=0, on_report=on_report)
    assert (told, len(seen)) == ([2, 4, 6], 6)
    assert not model.training


def test_a_no_to_the_last_report_stops_nothing(bench: Workbench) -> None:
    model = Drift()
    training = Training(learning_rate=1e-3, batch_size=8, steps=6)
    assert optimise(model, bench.train, training, model.loss, seed=0, on_report=lambda progress: progress.step < 6)


def test_every_epoch_has_every_text_once_in_another_order(bench: Workbench) -> None:
    model, seen = Drift(), list[tuple[int, ...]]()

    def loss_of(batch: Batch) -> Tensor:
        seen.extend(
            tuple(ids[mask.bool()].tolist()) for ids, mask in zip(batch.input_ids, batch.attention_mask, strict=True)
        )
        return model.loss(batch)

    optimise(model, bench.train, Training(learning_rate=1e-3, epochs=2, batch_size=10), loss_of, seed=0)
    assert sorted(seen[:64]) == sorted(seen[64:])
    assert seen[:64] != seen[64:]
    assert len(set(seen)) == 64


def test_the_learning_rate_rises_for_a_tenth_and_then_falls_to_nothing(bench: Workbench) -> None:
    model, places = Drift(), list[float]()

    def loss_of(batch: Batch) -> Tensor:
        places.append(model.place.item())
        return model.loss(batch)

    optimise(model, bench.train, Training(learning_rate=1e-2, batch_size=8, steps=40), loss_of, seed=0)
    # Where the gradient is always the same, a step of AdamW is as long as the learning rate.
    rates = [before - after for before, after in zip(places, [*places[1:], model.place.item()], strict=True)]
    expected = [1e-2 * min(step / 4, (40 - step) / 36) for step in range(40)]
    assert rates == pytest.approx(expected, abs=1e-5)


def test_matrices_decay_and_norms_and_biases_do_not(bench: Workbench) -> None:
    model = nn.ModuleDict({"dense": nn.Linear(3, 2), "norm": nn.LayerNorm(2)})
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    def nothing(batch: Batch) -> Tensor:
        return torch.stack([0 * weight.sum() for weight in model.parameters()]).sum()

    optimise(model, bench.train, Training(learning_rate=1e-1, batch_size=8, steps=8), nothing, seed=0)
    after = dict(model.named_parameters())
    assert (after["dense.weight"].abs() < before["dense.weight"].abs()).all()
    assert all(torch.equal(after[name], before[name]) for name in ("dense.bias", "norm.weight", "norm.bias"))


def test_one_seed_gives_the_same_weights_to_the_bit(bench: Workbench, new_tiny_model: NewModel) -> None:
    one, other = new_tiny_model(), new_tiny_model()
    torch.manual_seed(1)
    tuned(one, bench)
    torch.manual_seed(2)
    tuned(other, bench)
    weights = other.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in one.state_dict().items())


def test_another_seed_gives_other_weights(bench: Workbench, new_tiny_model: NewModel) -> None:
    one, other = new_tiny_model(), new_tiny_model()
    tuned(one, bench, seed=0)
    tuned(other, bench, seed=1)
    assert not torch.equal(one.classifier.weight, other.classifier.weight)


def test_every_part_of_the_model_is_trained(bench: Workbench, new_tiny_model: NewModel) -> None:
    before, model = new_tiny_model().state_dict(), new_tiny_model()
    tuned(model, bench, Training(learning_rate=1e-3, epochs=1, batch_size=8))
    assert [name for name, weight in model.state_dict().items() if torch.equal(weight, before[name])] == []


def test_the_model_comes_back_on_the_cpu_and_ready_to_answer(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    tuned(model, bench, Training(learning_rate=1e-3, epochs=1, batch_size=32))
    assert not model.training
    assert {weight.device.type for weight in model.parameters()} == {"cpu"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_the_model_and_gives_it_back_on_the_cpu(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    torch.cuda.reset_peak_memory_stats()
    tuned(model, bench)
    assert torch.cuda.max_memory_allocated() > 0
    assert evaluate(model, bench.task, bench.validation) > 0.8
    assert {weight.device.type for weight in model.parameters()} == {"cpu"}


def test_an_absurd_learning_rate_diverges(bench: Workbench, new_tiny_model: NewModel) -> None:
    with pytest.raises(DivergenceError, match=r"the loss became (nan|inf) in step \d+"):
        tuned(new_tiny_model(), bench, Training(learning_rate=1e6, epochs=2, batch_size=2))


def test_weights_that_are_not_numbers_diverge_at_the_first_step(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    with torch.no_grad():
        model.pooler.weight.fill_(float("nan"))
    with pytest.raises(DivergenceError, match=r"nan in step 1$"):
        tuned(model, bench)
    assert not model.training


def test_a_batch_larger_than_the_split_is_the_whole_split(bench: Workbench, new_tiny_model: NewModel) -> None:
    told = tuned(new_tiny_model(), bench, Training(learning_rate=1e-3, epochs=2, batch_size=1000))
    assert [(progress.step, progress.epochs) for progress in told] == [(1, 1.0), (2, 2.0)]
