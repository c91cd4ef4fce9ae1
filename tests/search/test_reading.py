from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from search.errors import UsageError
from search.reading import explain, parse, read_mapping
from spaces import Shape, Space


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid")
    latency_ms: Annotated[float, Field(gt=0)] | None = None
    memory_mb: float | None = None


class Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    trials: int = 1
    limits: Limits = Limits()


def refusal(raw: dict[str, object]) -> str:
    with pytest.raises(UsageError) as caught:
        parse(Plan, raw, "plan.yaml")
    message = str(caught.value)
    assert message.startswith("plan.yaml: ")
    assert "\n" not in message
    return message


def unreadable(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_mapping(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_mapping_is_read(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("name: büro\ntrials: 3\nlimits: {memory_mb: 40}\n", encoding="utf-8")
    raw = read_mapping(tmp_path / "plan.yaml")
    assert parse(Plan, raw, "plan.yaml") == Plan(name="büro", trials=3, limits=Limits(memory_mb=40))


def test_a_misspelt_key_is_told_with_the_nearest_known_one() -> None:
    assert "unknown key 'trails', did you mean 'trials'?" in refusal({"name": "a", "trails": 3})


def test_a_misspelt_key_of_a_section_is_told_with_the_keys_of_that_section() -> None:
    message = refusal({"name": "a", "limits": {"latency": 3}})
    assert "unknown key 'limits.latency', did you mean 'latency_ms'?" in message
    assert message.endswith("known: latency_ms, memory_mb")


def test_a_misspelt_key_is_told_rather_than_the_one_that_is_missing_for_it() -> None:
    assert "unknown key 'nane', did you mean 'name'?" in refusal({"nane": "a"})


def test_a_key_unlike_any_other_is_told_with_all_that_are_known() -> None:
    message = refusal({"name": "a", "xyzzy": 3})
    assert "did you mean" not in message
    assert "known: name, trials, limits" in message


def test_a_wrong_value_is_told_with_its_dotted_key() -> None:
    assert "limits.latency_ms: " in refusal({"name": "a", "limits": {"latency_ms": -1}})
    assert "trials: " in refusal({"name": "a", "trials": "many"})


def test_a_missing_key_is_told() -> None:
    assert "name: " in refusal({"trials": 3})


def test_broken_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("name: a\nlimits: {latency_ms: 3\ntrials: 2\n", encoding="utf-8")
    assert "line 3 is not valid YAML" in unreadable(path)


def test_a_file_with_a_control_character_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("name: \x00\n", encoding="utf-8")
    assert "not valid YAML" in unreadable(path)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n", "3\n"])
def test_a_file_that_holds_no_mapping_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    assert "should hold `key: value` lines" in unreadable(path)


def test_a_file_that_is_missing_or_no_text_is_told(tmp_path: Path) -> None:
    assert "can't be read" in unreadable(tmp_path / "missing.yaml")
    (tmp_path / "model.yaml").write_bytes(b"\xff\xfe\x80\x81")
    assert "can't be read" in unreadable(tmp_path / "model.yaml")


def space_refusal(folder: Path, depth: str) -> str:
    path = folder / "space.yaml"
    path.write_text(
        f"architecture: {{depth: {depth}, layers: even, heads: 4, ffn_size: 64, hidden_size: 192}}\n"
        "compression: {quantisation: none}\n"
        "training: {learning_rate: 1.0e-4, epochs: 1, batch_size: 8}\n",
        encoding="utf-8",
    )
    shape = Shape(depth=6, heads=12, head_size=32, ffn_size=1536, hidden_size=384)
    with pytest.raises(ValueError, match=r".") as caught:
        Space.load(str(path), shape)
    return explain(caught.value, Space)


def test_a_range_upside_down_is_explained_in_words(tmp_path: Path) -> None:
    message = space_refusal(tmp_path, "{low: 3, high: 1}")
    assert "low must be at least 1 and at most high" in message
    assert "unknown key" not in message


def test_a_misspelt_key_of_a_range_is_explained_in_words(tmp_path: Path) -> None:
    message = space_refusal(tmp_path, "{low: 1, hihg: 3}")
    assert "hihg" in message
    assert "OneOf" not in message
