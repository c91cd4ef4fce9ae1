from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import yaml

from results.records import WarmUp
from search.errors import UsageError
from search.models.elastic import ElasticForSequenceClassification
from search.study.warm_up import RECIPE, kept, warm_up
from search.study.workbench import Workbench
from search.training.fine_tuning import evaluate
from tests.conftest import tiny_rows, write_csv
from tests.search.conftest import Remembering
from tests.search.small_studies import SIZES, small_bench


@dataclass(frozen=True)
class WarmedUp:
    """A super-network that was really trained."""

    bench: Workbench
    untrained: dict[str, torch.Tensor]
    folder: Path
    model: ElasticForSequenceClassification
    story: WarmUp

    @property
    def place(self) -> Path:
        """Where it is kept."""
        (place,) = self.folder.iterdir()
        return place


@pytest.fixture(scope="module")
def warmed_up(tmp_path_factory: pytest.TempPathFactory) -> WarmedUp:
    root = tmp_path_factory.mktemp("warm-up")
    bench = small_bench(root, Remembering())
    untrained = {name: weight.clone() for name, weight in bench.full.state_dict().items()}
    model, story = warm_up(bench, root / "super-networks")
    return WarmedUp(bench, untrained, root / "super-networks", model, story)


def same_weights(one: ElasticForSequenceClassification, other: ElasticForSequenceClassification) -> bool:
    known = other.state_dict()
    return all(torch.equal(weight, known[name]) for name, weight in one.state_dict().items())


def test_a_super_network_was_trained_and_tells_how(warmed_up: WarmedUp) -> None:
    assert any(not torch.equal(w, warmed_up.untrained[name]) for name, w in warmed_up.model.state_dict().items())
    assert not warmed_up.story.reused
    assert warmed_up.story.settings["epochs"] == "1"
    phases = [next(iter(metrics)) for _, metrics in warmed_up.story.curves]
    assert phases == sorted(phases)
    assert set(phases) == {"alone_loss", "together_loss"}


def test_the_score_told_is_that_of_the_kept_network(warmed_up: WarmedUp) -> None:
    bench = warmed_up.bench
    assert warmed_up.story.score == evaluate(warmed_up.model, bench.task, bench.validation)
    warmed_up.model.eval()


def test_the_second_study_of_a_recipe_takes_the_first_ones(warmed_up: WarmedUp, tmp_path: Path) -> None:
    tracker = Remembering()
    other = small_bench(tmp_path, tracker, name="other", trials=3, sampler="random", polish_epochs=5)
    model, story = warm_up(other, warmed_up.folder)
    assert same_weights(model, warmed_up.model)
    assert story.reused
    assert (story.curves, story.seconds) == (warmed_up.story.curves, warmed_up.story.seconds)
    assert tracker.stages[-1] == f"taking the super-network from {warmed_up.place}"


def test_training_anew_gives_the_same_network(warmed_up: WarmedUp, tmp_path: Path) -> None:
    model, story = warm_up(small_bench(tmp_path), tmp_path / "super-networks")
    assert not story.reused
    assert same_weights(model, warmed_up.model)


def test_what_is_compressed_afterwards_needs_no_other_network(warmed_up: WarmedUp, tmp_path: Path) -> None:
    space = tmp_path / "fp32.yaml"
    space.write_text(yaml.safe_dump({"architecture": SIZES, "compression": {"quantisation": "none"}}))
    bench = small_bench(tmp_path, space=str(space))
    assert kept(bench, warmed_up.folder) is not None


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"sizes": {"ffn_size": [16, 24]}}, {"warm_up_epochs": 2}, {"task": "fewer"}],
    ids=["seed", "space", "epochs", "texts"],
)
def test_another_recipe_has_another_folder(change: dict[str, object], warmed_up: WarmedUp, tmp_path: Path) -> None:
    if "task" in change:
        change = {"task": str(write_csv(tmp_path / "fewer.csv", tiny_rows()[2:-2]))}
    with pytest.raises(UsageError, match="is gone: `bertailor search` with the study trains it again") as caught:
        kept(small_bench(tmp_path, **change), warmed_up.folder)
    assert str(warmed_up.folder) in str(caught.value)
    assert warmed_up.place.name not in str(caught.value)


def test_a_network_that_is_kept_is_found_again(warmed_up: WarmedUp, tmp_path: Path) -> None:
    assert same_weights(kept(small_bench(tmp_path), warmed_up.folder), warmed_up.model)


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
    folder = tmp_path / "super-networks"
    shutil.copytree(warmed_up.folder, folder)
    place = folder / warmed_up.place.name
    assert callable(harm)
    harm(place)
    for take in (warm_up, kept):
        with pytest.raises(UsageError, match="delete the folder, and it is trained again") as caught:
            take(warmed_up.bench, folder)
        assert str(place) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_warm_up_that_is_cut_off_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    class Interrupting(Remembering):
        def stage(self, text: str) -> None:
            if text.startswith("warm-up, together"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        warm_up(small_bench(tmp_path, Interrupting()), tmp_path / "super-networks")
    _, story = warm_up(small_bench(tmp_path), tmp_path / "super-networks")
    assert not story.reused
