from __future__ import annotations

import base64
import json
import zlib

from trackers.mlflow.views import FRONT, TAG, TRIALS, view_page, view_tags


def state(view: str) -> dict[str, object]:
    saved = json.loads(view_tags()[f"{TAG}{view}"])
    unpacked: dict[str, object] = json.loads(zlib.decompress(base64.b64decode(saved["state"].removeprefix("deflate;"))))
    return unpacked


def test_the_front_is_listed_alone_the_best_score_first() -> None:
    assert state(FRONT)["searchFilter"] == "tags.outcome = 'front'"
    assert state(FRONT)["orderByKey"] == "metrics.`score`"
    assert state(FRONT)["orderByAsc"] is False


def test_what_matters_comes_first_and_trials_say_why_they_ended() -> None:
    for view in (FRONT, TRIALS):
        assert state(view)["columnOrder"] == state(view)["selectedColumns"]
    assert state(FRONT)["selectedColumns"][:2] == ["metrics.`score`", "metrics.`latency_ms`"]  # type: ignore[index]
    assert state(TRIALS)["selectedColumns"][-1] == "tags.`reason`"  # type: ignore[index]


def test_a_tag_is_no_longer_than_mlflow_takes() -> None:
    assert max(map(len, view_tags().values())) < 5000


def test_a_view_has_an_address() -> None:
    assert view_page("7", FRONT).startswith("#/experiments/7/runs?viewStateShareKey=bertailor-front&")
