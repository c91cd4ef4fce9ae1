from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spaces import Space, preset_descriptions, preset_names
from tests.spaces.conftest import MINILM, SCRATCH, sampled, write_space


def test_every_preset_says_what_it_is_for() -> None:
    assert list(preset_descriptions()) == preset_names()
    assert all(preset_descriptions().values())


def test_an_unknown_preset_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"unknown space 'defualt', did you mean 'default'\?"):
        Space.load("defualt", MINILM)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no space file"):
        Space.load(str(tmp_path / "mine.yaml"), MINILM)


def test_a_file_without_an_architecture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("training: {epochs: 1}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no section 'architecture'"):
        Space.load(str(tmp_path / "space.yaml"), MINILM)


def test_broken_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("architecture:\n  depth: [1, 2\n  heads: 4\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"not valid YAML.*line \d|line \d.*not valid YAML") as refusal:
        Space.load(str(tmp_path / "space.yaml"), MINILM)
    assert "\n" not in str(refusal.value)


def test_a_space_of_one_point_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one point, nothing to search"):
        Space.load(write_space(tmp_path, depth=6), MINILM)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"depth": [2, 7]}, "depth: 7 is more than the backbone's 6"),
        ({"heads": [4, 13]}, "heads: 13 is more than the backbone's 12"),
        ({"ffn_size": {"low": 64, "high": 2048, "step": 64}}, "ffn_size: 2048 is more than the backbone's 1536"),
        ({"hidden_size": [32, 385]}, "hidden_size: 385 is more than the backbone's 384"),
    ],
)
def test_sizes_greater_than_the_backbone_are_refused(tmp_path: Path, sizes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Space.load(write_space(tmp_path, **sizes), MINILM)


def test_an_encoder_from_scratch_may_be_greater_than_its_full_size(tmp_path: Path) -> None:
    space = Space.load(write_space(tmp_path, depth=[2, 9]), SCRATCH)
    assert {sampled(space, seed).architecture.layers for seed in range(20)} == {(0, 1), tuple(range(9))}
    wider = Space.load(write_space(tmp_path, hidden_size=[32, 512]), SCRATCH)
    assert {sampled(wider, seed).architecture.hidden_size for seed in range(20)} == {32, 512}


@pytest.mark.parametrize("sizes", [{"head": 4}, {"depth": "half"}, {"heads": "4 heads"}, {"layers": "evenly"}])
def test_a_space_with_a_mistake_is_refused(tmp_path: Path, sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(sizes))}|neither a number nor a percentage"):
        Space.load(write_space(tmp_path, **sizes), MINILM)


@pytest.mark.parametrize("sizes", [{"depth": [0, 2]}, {"heads": [0, 4]}, {"ffn_size": [-64, 64]}])
def test_sizes_that_no_encoder_can_have_are_refused(tmp_path: Path, sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(sizes))):
        Space.load(write_space(tmp_path, **sizes), MINILM)
