"""The model card of a bundle."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from search.config import StudyConfig
from search.models.catalogue import BUNDLED
from search.tasks import Task
from spaces import Candidate, Compression, Quantisation

CARD = """\
# {label} for {task}

A BERT text classifier that BERTailor tailored to the task `{task}` and the device `{device}`: trial {trial} of the
study `{study}`.

| | |
| --- | --- |
| labels | {labels} |
| data | {source}; {n_train} training texts |
| backbone | {backbone} |
| architecture | layers {layers} of the backbone; heads {heads}; FFN {ffn_sizes}; hidden size {hidden_size} |
| compression | {compression} |
| training | {training} |

## Score

Of the file `model.onnx` itself. The validation split chose this candidate, so that its score there flatters; the
test split chose nothing.

| split | {metric} | 95% interval | texts |
| --- | --- | --- | --- |
| validation | {validation:.4f} | | {n_validation} |
| test | {test:.4f} | {low:.4f} to {high:.4f} | {n_test} |

## Costs

Costs are {how} {machine}; {threads} thread(s), {batch_size_device} text(s) at a time, in a fresh process, on validation
texts of the task, from text to logits.{noisy}

| cost | | budget |
| --- | --- | --- |
{costs}

Its answers differ from those of the checkpoint `model.safetensors` by {agreement:.2g} in probability, on average
over the texts (tolerance {tolerance:g}).

## Run it

With onnxruntime, tokenizers and numpy alone; from Python, `from run import predict`. Texts are cut after {max_tokens}
word pieces.

```sh
python run.py {example}
```

{loading}

## Check it

`bertailor verify THIS_FOLDER` computes all of the above again; `sha256sum -c SHA256SUMS` checks the files.

## Limits

It knows the labels above and gives {gives} to any text. Texts unlike its training data can be answered wrongly
with a high probability. Latency and memory hold for the device above; measure again on another
with `bertailor profile`.

Versions: {versions}. Study file: `study.yaml`.
"""

STOCK = """\
## Load the checkpoint with transformers

`AutoModelForSequenceClassification.from_pretrained("THIS_FOLDER")`, and `AutoTokenizer` alike: it is a
`{stock}`."""

ELASTIC = """\
## Load the checkpoint with transformers

`AutoModelForSequenceClassification.from_pretrained("THIS_FOLDER", trust_remote_code=True)`, and `AutoTokenizer` alike:
the code is `elastic.py` in this folder, since no class of transformers' own has layers of different sizes, as many
heads or such factors."""

OPENVINO = """\
## Run it with OpenVINO

`openvino.Core().compile_model("openvino/model.xml")` takes the same inputs. What this card claims was measured of
`model.onnx`."""

PRECISIONS: dict[Quantisation, str] = {
    "none": "fp32",
    "dynamic-int8": "int8, activations rounded as they come",
    "static-int8": "int8, activations rounded by scales of training texts",
    "int4": "4-bit weights in blocks, activations rounded to int8",
}

COSTS = {
    "latency_ms": "latency, p50 (ms)",
    "latency_p95_ms": "latency, p95 (ms)",
    "memory_mb": "peak memory of the process (MB)",
    "size_mb": "model and tokenizer on disk (MB)",
    "load_ms": "load time (ms)",
}
ENERGY = {
    False: "energy of a text (mJ)",
    True: "energy of a text (mJ), an estimate from the device's stated power",
}


def model_card(candidate: Candidate, config: StudyConfig, task: Task, proof: dict[str, Any], stock: str | None) -> str:
    """What a bundle's README says; ``stock`` is the class that transformers has for the checkpoint, if it has one."""
    costs, budgets, device = proof["costs"], proof["budgets"], proof["device"]
    told = {**COSTS, "energy_mj": ENERGY[bool(costs.get("energy_estimated"))]}
    rows = [
        f"| {title} | {costs[name]:.4g} | {f'at most {budgets[name]:g}' if name in budgets else ''} |"
        for name, title in told.items()
        if name in costs
    ]
    architecture = candidate.architecture
    return CARD.format(
        label=candidate.label,
        task=task.name,
        device=device["name"],
        trial=proof["trial"],
        study=proof["study"],
        labels=", ".join(f"`{label}`" for label in task.labels),
        source=task.source,
        gives=task.kind.gives,
        n_train=len(task.train),
        backbone=BUNDLED.get(config.backbone, f"{config.backbone}, whose own licence holds"),
        layers=", ".join(map(str, architecture.layers)),
        heads=", ".join(map(str, architecture.heads)),
        ffn_sizes=", ".join(map(str, architecture.ffn_sizes)),
        hidden_size=architecture.hidden_size,
        compression=_compression(candidate.compression, proof["unknown_rate"]),
        loading=_loading(proof["formats"], stock),
        training=proof["training"],
        metric=task.metric,
        validation=proof["score"]["validation"],
        n_validation=proof["score"]["validation_texts"],
        test=proof["score"]["test"],
        n_test=proof["score"]["test_texts"],
        low=proof["score"]["test_interval"][0],
        high=proof["score"]["test_interval"][1],
        how="predicted" if costs.get("predicted") else "measured on",
        machine=device["machine"].removeprefix("predicted "),
        threads=device["threads"],
        batch_size_device=device["batch_size"],
        noisy="" if costs["steady"] else " **The timing was noisy: its 95% interval is wider than 3%.**",
        costs="\n".join(rows),
        agreement=proof["agreement"]["measured"],
        tolerance=proof["agreement"]["tolerance"],
        max_tokens=candidate.compression.max_tokens or task.max_tokens,
        example=shlex.quote(" ".join(task.validation.texts[0].split())),
        versions=", ".join(f"{name} {version}" for name, version in proof["versions"].items()),
    )


def _loading(formats: Sequence[str], stock: str | None) -> str:
    parts = []
    if "hf" in formats:
        parts.append(STOCK.format(stock=stock) if stock else ELASTIC)
    if "openvino" in formats:
        parts.append(OPENVINO)
    return "\n\n".join(parts)


def _compression(compression: Compression, unknown_rate: float | None) -> str:
    words = [PRECISIONS[compression.quantisation]]
    if compression.per_channel:
        words.append("a scale for each channel")
    if compression.unquantised != "nothing":
        words.append(f"{compression.unquantised} left in fp32")
    if compression.embedding_rank is not None:
        words.append(f"word embeddings of {compression.embedding_rank} channels, widened by one matrix")
    if compression.dense_rank is not None:
        words.append(f"dense layers in factors of rank {compression.dense_rank}")
    if compression.vocabulary is not None:
        unknown = "" if unknown_rate is None else f" ({unknown_rate:.2%} of the validation texts' pieces are unknown)"
        words.append(f"{compression.vocabulary} word pieces{unknown}")
    if compression.max_tokens is not None:
        words.append(f"texts cut after {compression.max_tokens} word pieces")
    return "; ".join(words)
