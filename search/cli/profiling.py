"""`bertailor profile`: what a model costs on a device."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from search.cli.console import Json, console, print_json

if TYPE_CHECKING:
    from search.devices.costs import Costs
    from search.devices.device import LocalDevice
    from search.tasks import Task

COLUMNS = (
    ("p50 ms", "latency_ms", ".2f"),
    ("p95 ms", "latency_p95_ms", ".2f"),
    ("load ms", "load_ms", ".0f"),
    ("memory MB", "memory_mb", ".0f"),
    ("size MB", "size_mb", ".1f"),
)


def profile(
    model: Annotated[str, typer.Argument(help="A bundle, a BERT directory, a hub id, or a bundled backbone.")],
    device: Annotated[
        str, typer.Option(help="Where to measure: a name of the catalogue, or a YAML file.")
    ] = "this-machine",
    task: Annotated[
        str, typer.Option(help="Whose validation texts to time: a bundled task, or a file of yours.")
    ] = "home-intents",
    as_json: Json = False,
) -> None:
    """Measure a model as ONNX, in fp32 and in int8; a bundle as it is."""
    with console.status("measuring"):
        from search.devices.device import load_device
        from search.reading import parse
        from search.tasks import TaskChoice

        place = load_device(device)
        costs = measure_model(model, place, parse(TaskChoice, {"task": task}, "--task").task.load())
    if as_json:
        print_json({"model": model, "device": device, "costs": {name: vars(cost) for name, cost in costs.items()}})
        return
    table = Table(title=f"{model} on {device}: {next(iter(costs.values())).machine}", title_justify="left")
    table.add_column("precision")
    for title, _, _ in COLUMNS:
        table.add_column(title, justify="right")
    for name, cost in costs.items():
        noisy = "" if cost.steady else " (noisy)"
        table.add_row(name + noisy, *(format(getattr(cost, figure), form) for _, figure, form in COLUMNS))
    console.print(table)


def measure_model(model: str, device: LocalDevice, task: Task) -> dict[str, Costs]:
    """The costs of a bundle's artefact, or of a BERT as fp32 and as int8, by name."""
    from search.artifacts.artifact import build_artifact
    from search.artifacts.bundle import Bundle
    from search.compression import Draft
    from search.models.backbones import load_backbone
    from search.workbench import N_TIMED_TEXTS
    from spaces import Compression

    texts = task.validation.sample(N_TIMED_TEXTS, seed=0).texts
    if (Path(model) / "candidate.json").is_file():
        bundle = Bundle.open(Path(model))
        return {bundle.candidate.label: device.measure(bundle.folder, texts)}
    backbone = load_backbone(model)
    full = backbone.full_model(task.labels, seed=0)
    draft = Draft(model=full, tokenizer=backbone.tokenizer, max_tokens=task.max_tokens)
    costs = {}
    for name, compression in (("fp32", Compression()), ("int8", Compression(quantisation="dynamic-int8"))):
        with tempfile.TemporaryDirectory() as folder:
            build_artifact(draft, compression, Path(folder))
            costs[name] = device.measure(Path(folder), texts)
    return costs
