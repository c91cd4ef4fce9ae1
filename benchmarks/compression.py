"""What each compression buys in the artefact: `python benchmarks/compression.py` (see --help).

Fine-tunes minilm-l6 on movie-snippets (the warm-up of a study, which is kept), then takes each compression alone and
some of them together. What loses weights is distilled from the full-size model: for an epoch alone, and for as many as
asked together. Prints score and costs of every artefact, and its ratios to the full-size model as fp32 and as int8, all
measured in this one run. The aims: within a point of its test score 3 times smaller and twice as fast as the full-size
int8 model; within three points 6 times smaller and 4 times as fast.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path

from results.costs import Costs
from search.artifacts.scoring import score_artifact
from search.config import StudyConfig
from search.runtime.machine import machine
from search.study.setting_up import set_up
from search.study.strategy import Weights
from search.study.supernet import Supernet
from search.study.workbench import Workbench
from search.training.distillation import DISTILLATION, distillation_loss
from search.training.optimisation import optimise
from spaces import Architecture, Candidate, Compression, kept_layers
from spaces.baselines import full_architecture

INT8 = Compression(quantisation="dynamic-int8")


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of an artefact."""

    name: str
    costs: Costs
    validation: float
    test: float


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=4, help="Of distillation, for several compressions together.")
    parser.add_argument("--store", type=Path, default=Path("build/winner"), help="Where the super-network is kept.")
    arguments = parser.parse_args()
    config = StudyConfig(name="compression", task="movie-snippets")
    bench = set_up(config, arguments.store)
    weights = Supernet(config).weights(bench, lambda told: None)
    print(f"movie-snippets with minilm-l6 on {machine()}; {arguments.epochs} epochs for what is together", flush=True)
    rows: list[Row] = []
    for candidates, epochs in ((alone(bench), 1), (together(bench), arguments.epochs)):
        for name, candidate in candidates.items():
            rows.append(measured(name, candidate, bench, weights, epochs))
            print(in_words(rows[-1], rows), flush=True)


def alone(bench: Workbench) -> dict[str, Candidate]:
    """Each compression on its own: first the two full-size models, then those as fp32 and those as int8."""
    full, needed = full_architecture(bench.space), (bench.space.corpus.needed if bench.space.corpus else None)
    return {
        "full size, fp32": Candidate(architecture=full, compression=Compression()),
        "full size, int8": Candidate(architecture=full, compression=INT8),
        "int8 by channel": _of(full, per_channel=True),
        "int8, ffn outputs fp32": _of(full, unquantised="ffn-outputs"),
        "int8, embeddings fp32": _of(full, unquantised="embeddings"),
        "static int8": _of(full, quantisation="static-int8"),
        "int4": _of(full, quantisation="int4"),
        "smallest vocabulary": _of(full, vocabulary=needed),
        "cut at the 95th percentile": _of(full, max_tokens=bench.space.corpus and bench.space.corpus.lengths[95]),
        "embeddings of rank 192": _of(full, embedding_rank=192),
        "embeddings of rank 96": _of(full, embedding_rank=96),
        "dense layers of rank 96": _of(full, dense_rank=96),
        "3 of 6 layers": _of(_sized(full, depth=3)),
        "6 of 12 heads": _of(_sized(full, heads=6)),
        "half of the FFN": _of(_sized(full, ffn_size=768)),
        "half of the width": _of(_sized(full, hidden_size=192)),
    }


def together(bench: Workbench) -> dict[str, Candidate]:
    """Some together, from the careful to the bold."""
    full, needed = full_architecture(bench.space), (bench.space.corpus.needed if bench.space.corpus else None)
    three = _sized(full, depth=3)
    candidates = [
        _of(_sized(full, depth=4), vocabulary=needed, embedding_rank=192),
        _of(three, vocabulary=needed, embedding_rank=192),
        _of(three, vocabulary=needed, quantisation="int4"),
        _of(_sized(full, depth=2, heads=8, ffn_size=768), vocabulary=needed, embedding_rank=96),
        _of(_sized(full, depth=2, heads=8, ffn_size=768, hidden_size=288), vocabulary=needed, embedding_rank=96),
    ]
    return {candidate.label: candidate for candidate in candidates}


def measured(name: str, candidate: Candidate, bench: Workbench, weights: Weights, epochs: int) -> Row:
    """Build an artefact, measure it, and score it on both splits."""
    whole, compression = weights.whole(candidate), candidate.compression
    model = bench.maker.cut(candidate, whole)
    lossy = compression.embedding_rank or compression.dense_rank
    if lossy or candidate.architecture != bench.entrants.full_fp32.architecture:
        training = DISTILLATION.model_copy(update={"epochs": epochs})
        optimise(model, bench.train, training, distillation_loss(model, whole, bench.task.kind), seed=0)
    with tempfile.TemporaryDirectory() as folder:
        bench.maker.build(model, candidate, Path(folder))
        costs = bench.device.measure(Path(folder), bench.meter.texts)
        test = score_artifact(Path(folder), bench.task, bench.task.test, bench.device.batch_size)
        return Row(name, costs, bench.examiner.score(Path(folder)), test)


def in_words(row: Row, rows: list[Row]) -> str:
    """A line of the table: figures, then how many times faster and smaller than fp32 and than int8."""
    costs = row.costs
    ratios = [
        f"{full.latency_ms / costs.latency_ms:.1f}x faster, {full.size_mb / costs.size_mb:.1f}x smaller"
        for full in (reference.costs for reference in rows[:2])
    ]
    figures = f"{costs.latency_ms:.2f} ms | {costs.memory_mb:.0f} MB | {costs.size_mb:.1f} MB"
    return f"| {row.name} | {row.validation:.4f} | {row.test:.4f} | {figures} | {' | '.join(ratios)} |"


def _of(architecture: Architecture, **compression: object) -> Candidate:
    chosen = Compression.model_validate({**INT8.model_dump(), **compression})
    return Candidate(architecture=architecture, compression=chosen)


def _sized(full: Architecture, depth: int | None = None, **sizes: int) -> Architecture:
    layers = full.layers if depth is None else kept_layers(depth, full.depth, "even")
    whole = {"heads": full.heads[0], "ffn_size": full.ffn_sizes[0], "hidden_size": full.hidden_size}
    return Architecture.uniform(layers, **{**whole, **sizes})


if __name__ == "__main__":
    main()
