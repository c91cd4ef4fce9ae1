from __future__ import annotations

import pytest
import torch

from search.study.pruning_rounds import prune_in_rounds
from search.study.standalone import OwnWeights
from search.study.workbench import Workbench
from spaces import Architecture, Candidate, Compression, Training
from tests.search.conftest import finish

SIZES = Architecture(layers=(0, 5), heads=(2, 5), ffn_sizes=(64, 300), hidden_size=96)
TRAINING = Training(learning_rate=1e-3, epochs=1, batch_size=16, importance="taylor", rounds=3)


@pytest.fixture(scope="module")
def candidate() -> Candidate:
    return Candidate(architecture=SIZES, compression=Compression(embedding_rank=24), training=TRAINING)


def test_the_last_round_leaves_the_candidate(bench: Workbench, candidate: Candidate) -> None:
    whole = OwnWeights(bench).whole(candidate)
    model = prune_in_rounds(bench, whole, candidate, TRAINING)
    cut = bench.maker.cut(candidate, whole)
    assert model.config.to_dict() == cut.config.to_dict()
    assert not torch.equal(model.classifier.weight, cut.classifier.weight)
    assert not model.training


def test_one_round_is_a_plain_cut(bench: Workbench, candidate: Candidate) -> None:
    once = TRAINING.model_copy(update={"rounds": 1})
    plain = candidate.model_copy(update={"training": once})
    whole = OwnWeights(bench).whole(plain)
    weights = prune_in_rounds(bench, whole, plain, once).state_dict()
    cut = bench.maker.cut(plain, whole)
    assert all(torch.equal(weight, weights[name]) for name, weight in cut.state_dict().items())


def test_a_trial_prunes_in_rounds_before_it_trains(
    bench: Workbench, candidate: Candidate, tmp_path_factory: pytest.TempPathFactory
) -> None:
    record = finish(bench, tmp_path_factory.mktemp("rounds"), candidate).record
    assert record.status == "scored"
    assert len(record.curve) == 4
