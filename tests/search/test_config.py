from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from results.budgets import Budgets
from search.config import STUDIES, StudyConfig, load_config, parse_overrides, study_names
from search.errors import UsageError
from search.tasks import FileTask, HomeIntents, MovieSnippets

limits = st.none() | st.floats(0.01, 1e5)
budgets = st.builds(
    Budgets, latency_ms=limits, memory_mb=limits, size_mb=limits, score=st.none() | st.just(0.0) | st.floats(0.001, 1.0)
)
configs = st.builds(
    StudyConfig,
    name=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}\Z"),
    task=st.sampled_from(["movie-snippets", "home-intents", {"path": "a.csv", "label": "sentiment"}]),
    backbone=st.sampled_from(["minilm-l6", "scratch", "google/bert_uncased_L-2_H-128_A-2"]),
    device=st.sampled_from(["this-machine", "board.yaml"]),
    space=st.sampled_from(["default", "mine.yaml"]),
    strategy=st.sampled_from(["supernet", "standalone"]),
    warm_up_epochs=st.integers(1, 9),
    trial_steps=st.integers(0, 500),
    polish_epochs=st.integers(0, 9),
    unlabelled=st.none() | st.just(Path("more.txt")),
    objectives=st.permutations(["score", "latency_ms", "memory_mb", "size_mb"]).flatmap(
        lambda names: st.integers(2, 4).map(lambda n: tuple(names[:n]))
    ),
    budgets=budgets,
    sampler=st.sampled_from(["auto", "tpe", "nsga2", "nsga3", "gp", "random"]),
    trials=st.integers(1, 1000),
    time=st.none() | st.sampled_from(["90s", "20m", "1h30m"]) | st.floats(1.0, 1e6),
    seed=st.integers(0, 2**40),
)


def study_file(folder: Path, text: str = "task: movie-snippets\n", name: str = "mine.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def refusal(study: str, overrides: dict[str, Any] | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        load_config(study, overrides or {})
    message = str(caught.value)
    assert "\n" not in message
    return message


@given(config=configs)
def test_a_configuration_survives_its_study_file(config: StudyConfig) -> None:
    assert StudyConfig.model_validate(yaml.safe_load(config.to_yaml())) == config


@given(config=configs)
def test_a_study_file_written_again_is_the_same(config: StudyConfig) -> None:
    again = StudyConfig.model_validate(yaml.safe_load(config.to_yaml()))
    assert again.to_yaml() == config.to_yaml()


def test_a_configuration_survives_the_disk(tmp_path: Path) -> None:
    config = load_config("demo", {"budgets.size_mb": 12.5, "name": "other"})
    assert load_config(study_file(tmp_path, config.to_yaml()), {}) == config


def test_the_bundled_studies_are_those_of_the_folder() -> None:
    assert study_names() == sorted(path.stem for path in STUDIES.iterdir() if path.suffix == ".yaml")
    assert "demo" in study_names()


@pytest.mark.parametrize("study", study_names())
def test_every_bundled_study_loads(study: str) -> None:
    config = load_config(study, {})
    assert config.name == study
    assert yaml.safe_load((STUDIES / f"{study}.yaml").read_text(encoding="utf-8")).keys() <= set(
        StudyConfig.model_fields
    )


def test_a_study_is_called_after_its_file_unless_it_has_a_name(tmp_path: Path) -> None:
    assert load_config(study_file(tmp_path), {}).name == "mine"
    assert load_config(study_file(tmp_path, "name: yours\ntask: movie-snippets\n"), {}).name == "yours"


def test_what_a_study_file_leaves_out_has_a_default(tmp_path: Path) -> None:
    config = load_config(study_file(tmp_path), {})
    assert config.task == MovieSnippets(name="movie-snippets")
    assert config.objectives == ("score", "latency_ms", "size_mb")
    assert config.budgets.excess({"latency_ms": 1e9}) == {}
    assert config.time is None
    assert (config.strategy, config.trial_steps, config.unlabelled) == ("supernet", 0, None)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("1.5h", 5400), ("2h5m10s", 7510), (45, 45), (0.5, 0.5)],
)
def test_times_are_read(tmp_path: Path, written: object, seconds: float) -> None:
    assert load_config(study_file(tmp_path), {"time": written}).time == seconds


@pytest.mark.parametrize("written", ["20 min", "soon", "-5m", "0s", "1h30", "", "m", -3, 0, "1.2.3m"])
def test_what_is_no_time_is_refused(tmp_path: Path, written: object) -> None:
    assert "time: " in refusal(study_file(tmp_path), {"time": written})


def test_overrides_replace_what_the_file_has(tmp_path: Path) -> None:
    study = study_file(tmp_path, "task: movie-snippets\nbudgets: {latency_ms: 8, memory_mb: 400}\nseed: 1\n")
    config = load_config(study, {"budgets.latency_ms": 5, "sampler": "gp", "seed": 2})
    assert config.budgets == Budgets(latency_ms=5, memory_mb=400)
    assert (config.sampler, config.seed) == ("gp", 2)


def test_overrides_may_open_a_section_that_the_file_lacks(tmp_path: Path) -> None:
    assert load_config(study_file(tmp_path), {"budgets.score": 0.5}).budgets == Budgets(score=0.5)
    assert load_config(study_file(tmp_path, "task: movie-snippets\nbudgets:\n"), {"budgets.size_mb": 3}).budgets == (
        Budgets(size_mb=3)
    )


def test_an_override_takes_a_budget_away(tmp_path: Path) -> None:
    study = study_file(tmp_path, "task: movie-snippets\nbudgets: {latency_ms: 8}\n")
    assert load_config(study, {"budgets.latency_ms": None}).budgets == Budgets()


def test_an_option_of_a_bundled_task_may_be_overridden(tmp_path: Path) -> None:
    config = load_config(study_file(tmp_path, "task: home-intents\n"), {"task.language": "de"})
    assert config.task == HomeIntents(name="home-intents", language="de")


def test_an_option_of_a_task_in_a_file_may_be_overridden(tmp_path: Path) -> None:
    config = load_config(study_file(tmp_path, "task: reviews.csv\n"), {"task.label": "sentiment"})
    assert config.task == FileTask(path=Path("reviews.csv"), label="sentiment")


def test_texts_without_labels_are_found_beside_the_study_file(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("dim the porch light\n", encoding="utf-8")
    study = study_file(tmp_path, "task: movie-snippets\nunlabelled: more.txt\n")
    assert load_config(study, {}).unlabelled == tmp_path / "more.txt"


@pytest.mark.parametrize("key", ["trials.most", "objectives.first"])
def test_an_override_below_a_plain_value_is_refused(key: str) -> None:
    assert key.split(".")[0] in refusal("demo", {key: 3})


def test_a_task_is_known_by_its_keys(tmp_path: Path) -> None:
    assert load_config(study_file(tmp_path, "task: reviews.csv\n"), {}).task == FileTask(path=Path("reviews.csv"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("task: movie-snippets\nsampelr: gp\n", "unknown key 'sampelr', did you mean 'sampler'?"),
        ("task: movie-snippets\nbudgets: {latency: 8}\n", "unknown key 'budgets.latency', did you mean 'latency_ms'?"),
        ("task: movie-snippets\nbudgets: {latency_ms: 0}\n", "budgets.latency_ms: "),
        ("task: movie-snippets\nbudgets: {score: 75}\n", "budgets.score: "),
        ("task: movie-snipets\n", "unknown task 'movie-snipets', did you mean 'movie-snippets'?"),
        ("task: {path: a.csv, lable: x}\n", "unknown key 'lable', did you mean 'label'?"),
        ("budgets: {score: 0.5}\n", "task: "),
        ("task: movie-snippets\ntrials: 0\n", "trials: "),
        ("task: movie-snippets\nseed: -1\n", "seed: "),
        ("task: movie-snippets\nname: ../elsewhere\n", "name: "),
        ("task: movie-snippets\nname: ''\n", "name: "),
        ("task: movie-snippets\nsampler: anneal\n", "sampler: "),
        ("task: movie-snippets\nobjectives: [score]\n", "objectives: "),
        ("task: movie-snippets\nobjectives: [score, score]\n", "an objective is named twice"),
        ("task: movie-snippets\nobjectives: [score, speed]\n", "objectives"),
        ("task: movie-snippets\nstrategy: magic\n", "strategy: "),
        ("task: movie-snippets\nwarm_up_epochs: 0\n", "warm_up_epochs: "),
        ("task: movie-snippets\ntrial_steps: -1\n", "trial_steps: "),
        ("task: movie-snippets\npolish_epochs: -1\n", "polish_epochs: "),
        ("task: movie-snippets\nunlabeled: a.txt\n", "unknown key 'unlabeled', did you mean 'unlabelled'?"),
        ("task: [a\n", "not valid YAML"),
        ("- task\n", "should hold `key: value` lines"),
    ],
)
def test_a_wrong_study_file_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    assert says in refusal(study_file(tmp_path, text))


def test_a_misspelt_override_is_refused() -> None:
    assert "unknown key 'trails', did you mean 'trials'?" in refusal("demo", {"trails": 3})


def test_an_unknown_study_is_refused_with_the_nearest() -> None:
    assert "unknown study 'dmeo', did you mean 'demo'?" in refusal("dmeo")


def test_a_missing_study_file_is_refused(tmp_path: Path) -> None:
    assert "there is no study file" in refusal(str(tmp_path / "none.yaml"))


def test_settings_of_the_command_line_are_yaml() -> None:
    settings = ["budgets.latency_ms=8", "sampler=gp", "objectives=[score, size_mb]", "budgets.score=", "task=a=b.csv"]
    assert parse_overrides(settings) == {
        "budgets.latency_ms": 8,
        "sampler": "gp",
        "objectives": ["score", "size_mb"],
        "budgets.score": None,
        "task": "a=b.csv",
    }


@pytest.mark.parametrize("setting", ["sampler", "=gp", "", "objectives=[score"])
def test_a_setting_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(UsageError, match="--set") as caught:
        parse_overrides([setting])
    assert "\n" not in str(caught.value)


@given(budgets, st.floats(0.01, 1e5), st.floats(0.0, 1.0))
def test_the_excess_is_above_nothing_exactly_where_a_limit_is_broken(
    budgets: Budgets, cost: float, score: float
) -> None:
    figures = {"latency_ms": cost, "memory_mb": cost, "size_mb": cost, "score": score, "load_ms": cost}
    excess = budgets.excess(figures)
    assert excess.keys() == budgets.model_dump(exclude_none=True).keys()
    for name, value in excess.items():
        limit = getattr(budgets, name)
        assert (value > 0) == (score < limit if name == "score" else cost > limit)
        assert math.isfinite(value)


@given(st.floats(0.01, 1e5), st.floats(0.01, 1e5), st.floats(0.0, 1e5))
def test_a_greater_cost_never_exceeds_a_budget_by_less(limit: float, cost: float, more: float) -> None:
    budgets = Budgets(latency_ms=limit)
    low, high = (budgets.excess({"latency_ms": value})["latency_ms"] for value in (cost, cost + more))
    assert low <= high


@given(budgets)
def test_budgets_without_a_figure_have_no_excess(budgets: Budgets) -> None:
    assert budgets.excess({}) == {}


@given(budgets)
def test_a_figure_at_its_limit_fits(budgets: Budgets) -> None:
    limits = budgets.model_dump(exclude_none=True)
    assert set(budgets.excess(limits).values()) <= {0.0}


def test_the_excess_is_a_share_of_the_limit() -> None:
    assert Budgets(latency_ms=8, score=0.8).excess({"latency_ms": 12, "score": 0.4}) == {
        "latency_ms": 0.5,
        "score": pytest.approx(0.5),
    }


def test_a_floor_of_zero_is_a_floor_that_every_score_keeps_to() -> None:
    assert Budgets(score=0).excess({"score": 0.0}) == {"score": 0.0}
