"""A winner with each kind of compression is exported, and verify finds what it claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.bundles.verify import verify_bundle
from search.study.workbench import Workbench
from spaces import Candidate, Compression
from tests.search.conftest import TINY, TINY_TRAINING, finish

KINDS: list[dict[str, Any]] = [
    {"vocabulary": 6000},
    {"max_tokens": 6},
    {"embedding_rank": 96},
    {"dense_rank": 24},
    {"quantisation": "dynamic-int8", "per_channel": True},
    {"quantisation": "static-int8", "unquantised": "ffn-outputs"},
    {"quantisation": "int4", "unquantised": "embeddings"},
    {"quantisation": "dynamic-int8", "vocabulary": 6000, "embedding_rank": 96, "max_tokens": 8},
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_bundle_is_what_it_claims_to_be(kind: dict[str, Any], bench: Workbench, tmp_path: Path) -> None:
    candidate = Candidate(architecture=TINY, compression=Compression(**kind), training=TINY_TRAINING)
    trial = finish(bench, tmp_path / "studies", candidate)
    record = trial.record
    assert record.status == "scored"
    assert (record.unknown_rate is not None) == ("vocabulary" in kind)
    bundle = trial.export(tmp_path / "bundle")
    for check in verify_bundle(bundle, bench.task, bench.device):
        assert check.passed, check
    card = (bundle.folder / "README.md").read_text(encoding="utf-8")
    assert str(kind.get("vocabulary", "")) in card
