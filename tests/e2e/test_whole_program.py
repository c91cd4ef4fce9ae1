"""From the study file to the verified bundle, by every command."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from results.records import TrialRecord
from search.files import sha256_of
from search.sampling.store import StudyStore
from tests.conftest import shared_data, write_csv
from tests.e2e.conftest import (
    N_ENTRANTS,
    SHORT,
    answered,
    bertailor,
    installed,
    succeeded,
    write_yaml,
)


def test_front_shows_the_members_and_recommends_one(finished: Path) -> None:
    front = answered("front", "tiny", cwd=finished)
    assert front["trials"] >= N_ENTRANTS + 5
    assert sum(member["recommended"] for member in front["front"]) == 1
    assert "→" in succeeded("front", "study.yaml", cwd=finished)


def test_a_finished_study_runs_no_further_trial(finished: Path) -> None:
    before = answered("front", "tiny", cwd=finished)
    answer = answered("search", "study.yaml", cwd=finished)
    assert answer["front"] == before["front"]
    assert answered("front", "tiny", cwd=finished) == before


def test_the_study_has_its_entrants_its_trials_and_its_front_polished(finished: Path) -> None:
    records = StudyStore(finished / "mlruns", "tiny").records()
    entrants, polished = ([r for r in records if keep(r)] for keep in (_is_entrant, _is_polished))
    assert len(entrants) == N_ENTRANTS
    assert entrants[0].label == "6L 12H 1536F 384W fp32"
    assert all(record.score is not None for record in entrants)
    assert len(records) == N_ENTRANTS + 5 + len(polished)
    assert {record.polishes for record in polished} <= {record.number for record in records}
    assert len({record.polishes for record in polished}) == len(polished)


def test_a_member_of_the_front_is_its_own_artefact_from_one_super_network(finished: Path) -> None:
    store = StudyStore(finished / "mlruns", "tiny")
    for member in answered("front", "tiny", cwd=finished)["front"]:
        artifact = store.trial_folder(member["trial"]) / "model.onnx"
        (record,) = [record for record in store.records() if record.number == member["trial"]]
        assert sha256_of(artifact) == record.artifact
    assert len(list((finished / "mlruns" / "super-networks").iterdir())) == 1


def test_a_second_study_takes_the_super_network_and_the_costs_of_the_first(finished: Path) -> None:
    places = [finished / "mlruns" / name for name in ("super-networks", "costs")]
    before = [{path: path.stat().st_mtime_ns for path in place.rglob("*.*") if path.is_file()} for place in places]
    asked = ["--name", "second", "--set", "polish_epochs=0", "--set", "sampler=random", "--trials", "1"]
    finished_second = bertailor("search", "study.yaml", *asked, cwd=finished)
    assert finished_second.returncode == 0, finished_second.stderr
    assert "warming up" not in finished_second.stdout
    after = [{path: path.stat().st_mtime_ns for path in place.rglob("*.*") if path.is_file()} for place in places]
    assert after[0] == before[0]
    assert before[1].items() <= after[1].items()
    first, second = (StudyStore(finished / "mlruns", name).records() for name in ("tiny", "second"))
    pairs = zip(first, second[:N_ENTRANTS], strict=False)
    steady = [(one, other) for one, other in pairs if one.costs is not None and one.costs.steady]
    assert [one.artifact for one in first[:N_ENTRANTS]] == [other.artifact for other in second[:N_ENTRANTS]]
    assert all(one.costs == other.costs for one, other in steady)


def test_verify_passes_on_what_export_made_and_fails_on_a_changed_file(finished: Path, tmp_path: Path) -> None:
    assert answered("verify", "bundle", cwd=finished)["passed"]
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", finished / "bundle", copy], check=True)
    with (copy / "candidate.json").open("a") as file:
        file.write(" ")
    checked = bertailor("verify", copy, cwd=finished)
    assert checked.returncode == 1
    assert "candidate.json" in checked.stdout


def test_predict_tells_the_classes_apart(finished: Path) -> None:
    texts = ["turn on the cellar lamp", "set a timer for 14 minutes"]
    answers = answered("predict", "bundle", *texts, cwd=finished)
    assert [answer["text"] for answer in answers] == texts
    assert all(answer["label"] in {"lights", "timers"} for answer in answers)
    assert "0." in succeeded("predict", "bundle", texts[0], cwd=finished)


def test_export_takes_the_recommended_candidate_unless_told_otherwise(finished: Path, tmp_path: Path) -> None:
    members = answered("front", "tiny", cwd=finished)["front"]
    exported = answered("export", "study.yaml", "--out", tmp_path / "out", cwd=finished)
    assert exported["trial"] == next(member["trial"] for member in members if member["recommended"])


def test_export_makes_an_entrant_again_that_kept_no_files(finished: Path, tmp_path: Path) -> None:
    store = StudyStore(finished / "mlruns", "tiny")
    members = {member["trial"] for member in answered("front", "tiny", cwd=finished)["front"]}
    number = next(r.number for r in store.records() if r.entrant and r.score is not None and r.number not in members)
    shutil.rmtree(store.trial_folder(number), ignore_errors=True)
    options = ["--out", tmp_path / "out", "--trial", str(number), "--json"]
    assert json.loads(installed("export", "tiny", *options, cwd=finished))["trial"] == number
    (record,) = [record for record in store.records() if record.number == number]
    assert sha256_of(tmp_path / "out" / "model.onnx") == record.artifact


@pytest.mark.parametrize(
    ("pick", "figure", "best"), [("best", "score", max), ("fastest", "latency_ms", min), ("smallest", "size_mb", min)]
)
def test_export_picks_by_what_is_asked(finished: Path, tmp_path: Path, pick: str, figure: str, best: object) -> None:
    members = answered("front", "tiny", cwd=finished)["front"]
    exported = answered("export", "tiny", "--out", tmp_path / "out", "--pick", pick, cwd=finished)
    chosen = next(member for member in members if member["trial"] == exported["trial"])
    assert chosen[figure] == best(member[figure] for member in members)  # type: ignore[operator]


def test_export_takes_the_trial_and_the_limits_that_are_asked(finished: Path, tmp_path: Path) -> None:
    members = answered("front", "tiny", cwd=finished)["front"]
    last = members[-1]["trial"]
    assert answered("export", "tiny", "--out", tmp_path / "a", "--trial", str(last), cwd=finished)["trial"] == last
    limit = str(min(member["size_mb"] for member in members) + 0.001)
    small = answered("export", "tiny", "--out", tmp_path / "b", "--max-size-mb", limit, cwd=finished)
    assert small["costs"]["size_mb"] <= float(limit)
    nothing = bertailor("export", "tiny", "--out", tmp_path / "c", "--max-latency-ms", "1e-6", cwd=finished)
    assert nothing.returncode == 2
    assert not (tmp_path / "c").exists()


def test_profile_measures_a_bundle_and_a_model_directory(finished: Path) -> None:
    bundle, fp32, int8 = answered("profile", "bundle", "minilm-l6", "--task", "commands.csv", cwd=finished)["costs"]
    assert int8["size_mb"] < fp32["size_mb"]
    assert bundle["latency_ms"] < fp32["latency_ms"]


@pytest.mark.parametrize(
    ("what", "known"),
    [
        ("studies", "tiny"),
        ("tasks", "movie-snippets"),
        ("devices", "this-machine"),
        ("spaces", "default"),
        ("backbones", "minilm-l6"),
    ],
)
def test_list_names_what_there_is(finished: Path, what: str, known: str) -> None:
    assert known in [row["name"] for row in answered("list", what, cwd=finished)]
    assert known in succeeded("list", what, cwd=finished)


def test_report_writes_one_page_with_the_story_and_the_test_score(finished: Path, tmp_path: Path) -> None:
    assert "wrote" in succeeded("report", "tiny", "--out", tmp_path / "new" / "page.html", cwd=finished)
    page = (tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    assert "tiny: commands on this-machine" in page
    assert "Its score on the test split is" in page
    assert "Against the full-size model as int8" in page
    for member in answered("front", "tiny", cwd=finished)["front"]:
        assert f"<td>{member['candidate']}</td>" in page


def test_quiet_a_search_says_nothing_but_the_front(finished: Path) -> None:
    lines = succeeded("search", "study.yaml", "--quiet", cwd=finished).splitlines()
    assert "Front of tiny" in next(line for line in lines if line.strip())
    assert not any("trials finished" in line or "loading" in line for line in lines)


def test_an_export_that_can_not_be_registered_is_whole_all_the_same(finished: Path, tmp_path: Path) -> None:
    away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    exported = bertailor("export", "tiny", "--out", tmp_path / "bundle", cwd=finished, env=away)
    assert exported.returncode == 0
    assert "the bundle is whole, but not in MLflow's registry" in exported.stderr
    assert answered("verify", tmp_path / "bundle", cwd=finished)["passed"]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["goemotions", "home-intents", "movie-snippets"])
def test_real_tasks_give_a_front_and_a_winner_that_verifies(task: str, tmp_path: Path) -> None:
    source: object = task
    if task == "goemotions":
        source = {"path": str(_single_label_goemotions(tmp_path)), "metric": "macro-f1"}
    space = {
        "architecture": {
            "depth": [1, 2],
            "layers": "even",
            "heads": [4, 8],
            "ffn_size": [128, 384],
            "hidden_size": [192, 384],
        },
        "compression": {"quantisation": ["none", "dynamic-int8"]},
    }
    write_yaml(tmp_path / "space.yaml", space)
    keys = {"name": task, "task": source, "space": "space.yaml", "trials": 6, "time": "8m", **SHORT}
    write_yaml(tmp_path / "study.yaml", keys)
    answer = answered("search", "study.yaml", cwd=tmp_path)
    assert len(answer["front"]) > 1
    assert 0 < answer["test_score"] <= 1
    succeeded("export", task, "--out", "bundle", cwd=tmp_path)
    assert answered("verify", "bundle", cwd=tmp_path)["passed"]


def _is_entrant(record: TrialRecord) -> bool:
    return record.entrant


def _is_polished(record: TrialRecord) -> bool:
    return record.polishes is not None


def _single_label_goemotions(folder: Path) -> Path:
    """The comments of the first 4,000 that carry one of the five most common emotions and no other."""
    names = (shared_data("goemotions") / "labels.txt").read_text().split()
    lines = (shared_data("goemotions") / "train.tsv").read_text(encoding="utf-8").splitlines()[:4000]
    rows = [line.split("\t")[:2] for line in lines]
    single = [(text, names[int(label)]) for text, label in rows if label.isdigit()]
    labels = [label for _, label in single]
    common = sorted(set(labels), key=labels.count, reverse=True)[:5]
    return write_csv(folder / "goemotions.csv", [row for row in single if row[1] in common])
