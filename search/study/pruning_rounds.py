"""Iterative pruning: a candidate is cut in several goes, and trains between two of them."""

from __future__ import annotations

from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from search.models.slicing import cut
from search.study.workbench import Workbench
from search.training.fine_tuning import label_loss
from search.training.importance import order_channels
from search.training.optimisation import optimise
from spaces import Architecture, Candidate, Training

# A go trains for so many passes through the texts.
EPOCHS_OF_A_ROUND = 0.5


def prune_in_rounds(
    bench: Workbench, whole: ElasticForSequenceClassification, candidate: Candidate, training: Training
) -> ElasticForSequenceClassification:
    """Cut an encoder down to a candidate in ``training.rounds`` goes.

    Layers go at once. Heads and channels go evenly, round by round; after each but the last, what is left trains
    for half an epoch and is ordered anew, because what a channel is worth depends on which others there are.

    Args:
        bench: What the study's trials share.
        whole: The encoder, its channels in the order of their importance; it stays as it is.
        candidate: What is left in the end.
        training: How it trains between two rounds, and what orders its channels.
    """
    model = whole
    target, layers = candidate.architecture, candidate.architecture.layers
    n_steps = max(1, round(EPOCHS_OF_A_ROUND * len(bench.train) / training.batch_size))
    for number in range(1, training.rounds):
        model = cut(model, _between(model.config, target, layers, 1 / (training.rounds - number + 1)))
        layers = tuple(range(len(layers)))
        further = training.model_copy(update={"steps": n_steps})
        optimise(model, bench.train, further, label_loss(model, bench.task.kind), seed=bench.config.seed)
        order_channels(model, training.importance, bench.train, bench.task.kind, seed=bench.config.seed)
    left = target.model_copy(update={"layers": layers})
    return bench.maker.cut(candidate.model_copy(update={"architecture": left}), model)


def _between(config: ElasticConfig, target: Architecture, layers: tuple[int, ...], share: float) -> Architecture:
    """The sizes at this share of the way from an encoder's to the target's."""

    def towards(now: int, then: int) -> int:
        return round(now + share * (then - now))

    return Architecture(
        layers=layers,
        heads=[towards(config.heads[layer], heads) for layer, heads in zip(layers, target.heads, strict=True)],
        ffn_sizes=[
            towards(config.ffn_sizes[layer], size) for layer, size in zip(layers, target.ffn_sizes, strict=True)
        ],
        hidden_size=towards(config.hidden_size, target.hidden_size),
    )
