"""The reference artefact: an encoder that always takes the same work, timed beside every candidate.

What slows a machine down for a while, heat or whoever else uses its cores and caches, slows both; dividing by the
reference takes it out. It is as large as candidates at most are, 9 MB in int8, because what disturbs most is memory:
beside a process that loads one core half of the time, the latency of an int8 encoder of 10 MB varied by 14%, by 9% when
it was divided by that of matrix products in the cache, and by 1% when by that of such a reference. It also leaves every
candidate as cold a cache as a deployment does that has other work between two texts. How long it takes on a device at
its best is measured when it is first used there, and remembered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from tokenizers import Tokenizer, models, pre_tokenizers

from search.devices.probe import REFERENCE_TEXT
from search.files import digest, whole_folder, write_whole
from search.paths import cache_folder

# Layers, heads and FFN channels, 384 wide.
DEPTH, HEADS, FFN_SIZE = 5, 12, 1536
VERSION = 1
# Fresh processes of which the fastest tells what a reference takes at best.
N_FIRST_MEASUREMENTS = 3
# So much faster than ever shows that the first measurements were disturbed.
MUCH_FASTER = 0.7


def reference_folder() -> Path:
    """The folder with the reference artefact, which is made when it is first asked for."""
    folder = cache_folder() / f"reference-{VERSION}"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            with whole_folder(folder) as whole:
                _write(whole)
    return folder


def usual_ms(place: str, report: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> float:
    """What the reference takes where a report comes from, when nothing slows the machine down.

    It stays as it was first measured, so that all costs compare; unless it is seen to be much faster.

    Args:
        place: Tells it apart from others on such a machine.
        report: Of any artefact, with the reference beside it.
        measure: Measures the reference beside itself, there.
    """
    versions = {"onnxruntime": report["versions"]["onnxruntime"], "reference": VERSION}
    where = {"place": place, "machine": report["machine"], "governor": report["state"].get("governor"), **versions}
    path = cache_folder() / "references" / f"{digest(where)}.json"
    if path.is_file():
        usual = float(json.loads(path.read_text(encoding="utf-8"))["reference_ms"])
        if report["reference_ms"] > MUCH_FASTER * usual:
            return usual
    usual = min(float(measure()["reference_ms"]) for _ in range(N_FIRST_MEASUREMENTS))
    path.parent.mkdir(exist_ok=True)
    write_whole(path, json.dumps({**where, "reference_ms": usual}))
    return usual


def _write(folder: Path) -> None:
    import torch

    from search.artifacts.template import filled_graph
    from search.models.elastic import ElasticConfig, ElasticForSequenceClassification

    config = ElasticConfig(
        vocab_size=64,
        hidden_size=384,
        heads=(HEADS,) * DEPTH,
        head_size=32,
        ffn_sizes=(FFN_SIZE,) * DEPTH,
        max_position_embeddings=64,
        num_labels=2,
    )
    model = ElasticForSequenceClassification(config).eval()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.from_numpy(rng.normal(0, 0.02, tuple(weight.shape))))
    words = ["[UNK]", *sorted({*REFERENCE_TEXT.split()})]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    (folder / "model.onnx").write_bytes(filled_graph(model, int8=True).SerializeToString())
    tokenizer.save(str(folder / "tokenizer.json"))
