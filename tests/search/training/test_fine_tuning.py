from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from search.models.elastic import ElasticForSequenceClassification
from search.training.fine_tuning import DivergenceError, Epoch, evaluate, fine_tune
from search.trial import Workbench
from spaces import Training

NewModel = Callable[..., ElasticForSequenceClassification]
THREE_EPOCHS = Training(learning_rate=2e-3, epochs=3, batch_size=8)


def tuned(
    model: ElasticForSequenceClassification, bench: Workbench, training: Training = THREE_EPOCHS, seed: int = 0
) -> list[Epoch]:
    epochs: list[Epoch] = []
    fine_tune(model, bench.task, bench.train, bench.validation, training, seed=seed, on_epoch=epochs.append)
    return epochs


def test_the_loss_falls_and_the_answers_beat_chance(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    epochs = tuned(model, bench)
    assert epochs[-1].train_loss < 0.5 * epochs[0].train_loss
    assert epochs[-1].validation_score > 0.8
    assert evaluate(model, bench.task, bench.validation) == epochs[-1].validation_score


def test_each_epoch_is_told_once_in_order(bench: Workbench, new_tiny_model: NewModel) -> None:
    assert [epoch.number for epoch in tuned(new_tiny_model(), bench)] == [1, 2, 3]


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
    epochs = tuned(model, bench)
    assert torch.cuda.max_memory_allocated() > 0
    assert epochs[-1].validation_score > 0.8
    assert {weight.device.type for weight in model.parameters()} == {"cpu"}


def test_an_absurd_learning_rate_diverges(bench: Workbench, new_tiny_model: NewModel) -> None:
    with pytest.raises(DivergenceError, match=r"the loss became (nan|inf) in epoch [12]"):
        tuned(new_tiny_model(), bench, Training(learning_rate=1e6, epochs=2, batch_size=2))


def test_weights_that_are_not_numbers_diverge_at_the_first_step(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    with torch.no_grad():
        model.pooler.weight.fill_(float("nan"))
    with pytest.raises(DivergenceError, match="nan in epoch 1, step 1"):
        tuned(model, bench)


def test_a_batch_larger_than_the_split_is_the_whole_split(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    epochs = tuned(model, bench, Training(learning_rate=1e-3, epochs=2, batch_size=1000))
    assert [epoch.number for epoch in epochs] == [1, 2]


def test_evaluating_does_not_train(bench: Workbench, new_tiny_model: NewModel) -> None:
    before, model = new_tiny_model().state_dict(), new_tiny_model()
    score = evaluate(model, bench.task, bench.validation)
    assert 0 <= score <= 1
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
