from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml

from results.records import WarmUp
from search.errors import UsageError
from search.models.elastic import ElasticForSequenceClassification
from search.study.job import Report, Stage
from search.study.warm_up import RECIPE, SUPER_NETWORKS, kept, warm_up
from search.study.workbench import Workbench
from search.training.fine_tuning import evaluate
from search.training.optimisation import n_steps
from search.training.super_network import BATCH_SIZE
from tests.conftest import tiny_rows, write_csv
from tests.search.conftest import Heard
from tests.search.small_studies import SIZES, small_bench


@dataclass(frozen=True)
class WarmedUp:
    """A super-network that was really trained."""

    bench: Workbench
    model: ElasticForSequenceClassification
    story: WarmUp

    @property
    def store(self) -> Path:
        """The folder of studies that share it."""
        return self.bench.store

    @property
    def place(self) -> Path:
        """Where it is kept."""
        (place,) = (self.store / SUPER_NETWORKS).iterdir()
        return place


@pytest.fixture(scope="module")
def warmed_up(tmp_path_factory: pytest.TempPathFactory) -> WarmedUp:
    bench = small_bench(tmp_path_factory.mktemp("warm-up"))
    return WarmedUp(bench, *warm_up(bench, Heard()))


def same_weights(one: ElasticForSequenceClassification, other: ElasticForSequenceClassification) -> bool:
    known = other.state_dict()
    return all(torch.equal(weight, known[name]) for name, weight in one.state_dict().items())


def test_a_super_network_was_trained_and_tells_how(warmed_up: WarmedUp) -> None:
    assert not same_weights(warmed_up.model, warmed_up.bench.pretrained)
    assert not warmed_up.story.reused
    assert warmed_up.story.settings["epochs"] == "1"
    phases = [next(iter(metrics)) for _, metrics in warmed_up.story.curves]
    assert phases == sorted(phases)
    assert set(phases) == {"alone_loss", "together_loss"}


def test_the_steps_of_the_second_phase_count_on(warmed_up: WarmedUp) -> None:
    steps = [step for step, _ in warmed_up.story.curves]
    assert steps == sorted(set(steps))
    assert steps[-1] == 2 * n_steps(warmed_up.bench.train, BATCH_SIZE)


def test_what_candidates_are_cut_from_before_stays_as_it_is(warmed_up: WarmedUp, tmp_path: Path) -> None:
    assert same_weights(warmed_up.bench.pretrained, small_bench(tmp_path).pretrained)


def test_the_score_told_is_that_of_the_kept_network(warmed_up: WarmedUp) -> None:
    bench = warmed_up.bench
    assert warmed_up.story.score == evaluate(warmed_up.model, bench.task, bench.validation)
    warmed_up.model.eval()


def test_the_second_study_of_a_recipe_takes_the_first_ones(warmed_up: WarmedUp, tmp_path: Path) -> None:
    heard = Heard()
    other = small_bench(tmp_path, warmed_up.store, name="other", trials=3, sampler="random", polish_epochs=5)
    model, story = warm_up(other, heard)
    assert same_weights(model, warmed_up.model)
    assert story.reused
    assert (story.curves, story.seconds) == (warmed_up.story.curves, warmed_up.story.seconds)
    assert heard.stages[-1] == f"taking the super-network from {warmed_up.place}"


def test_training_anew_gives_the_same_network(warmed_up: WarmedUp, tmp_path: Path) -> None:
    model, story = warm_up(small_bench(tmp_path), Heard())
    assert not story.reused
    assert same_weights(model, warmed_up.model)


def test_what_is_compressed_afterwards_needs_no_other_network(warmed_up: WarmedUp, tmp_path: Path) -> None:
    space = tmp_path / "fp32.yaml"
    space.write_text(yaml.safe_dump({"architecture": SIZES, "compression": {"quantisation": "none"}}))
    bench = small_bench(tmp_path, warmed_up.store, space=str(space))
    assert same_weights(kept(bench)[0], warmed_up.model)


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"sizes": {"ffn_size": [16, 24]}}, {"warm_up_epochs": 2}, {"task": "fewer"}],
    ids=["seed", "space", "epochs", "texts"],
)
def test_another_recipe_has_another_folder(change: dict[str, object], warmed_up: WarmedUp, tmp_path: Path) -> None:
    if "task" in change:
        change = {"task": str(write_csv(tmp_path / "fewer.csv", tiny_rows()[2:-2]))}
    with pytest.raises(UsageError, match="is gone: `bertailor search` with the study trains it again") as caught:
        kept(small_bench(tmp_path, warmed_up.store, **change))
    assert str(warmed_up.store) in str(caught.value)
    assert warmed_up.place.name not in str(caught.value)


def test_a_network_that_is_kept_is_found_again(warmed_up: WarmedUp, tmp_path: Path) -> None:
    assert same_weights(kept(small_bench(tmp_path, warmed_up.store))[0], warmed_up.model)


def changed_weights(place: Path) -> None:
    path = place / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))


def changed_recipe(place: Path) -> None:
    path = place / RECIPE
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["recipe"]["epochs"] = 7
    path.write_text(json.dumps(raw), encoding="utf-8")


def half_a_recipe(place: Path) -> None:
    path = place / RECIPE
    path.write_text(path.read_text(encoding="utf-8")[:100], encoding="utf-8")


def no_recipe(place: Path) -> None:
    (place / RECIPE).unlink()


def no_weights(place: Path) -> None:
    (place / "model.safetensors").unlink()


def no_config(place: Path) -> None:
    (place / "config.json").unlink()


def a_recipe_of_another_kind(place: Path) -> None:
    (place / RECIPE).write_text("[]", encoding="utf-8")


@pytest.mark.parametrize(
    "harm", [no_config, a_recipe_of_another_kind, changed_weights, changed_recipe, half_a_recipe, no_recipe, no_weights]
)
def test_a_network_that_was_tampered_with_is_refused_with_its_folder_and_a_remedy(
    harm: object, warmed_up: WarmedUp, tmp_path: Path
) -> None:
    shutil.copytree(warmed_up.store, tmp_path / "store")
    bench = dataclasses.replace(warmed_up.bench, store=tmp_path / "store")
    place = tmp_path / "store" / SUPER_NETWORKS / warmed_up.place.name
    assert callable(harm)
    harm(place)
    for take in (partial(warm_up, tell=Heard()), kept):
        with pytest.raises(UsageError, match="delete the folder, and it is trained again") as caught:
            take(bench)
        assert str(place) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_warm_up_that_is_cut_off_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    def interrupt(told: Stage | Report) -> None:
        if isinstance(told, Stage) and told.text.startswith("warm-up, together"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        warm_up(small_bench(tmp_path), interrupt)
    _, story = warm_up(small_bench(tmp_path), Heard())
    assert not story.reused
