"""`bertailor profile` and `calibrate`: what models cost on a device."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.table import Table

from search.cli.console import Json, console, print_json

if TYPE_CHECKING:
    from results.costs import Costs
    from search.devices.device import Device
    from search.tasks import Task


class Column(NamedTuple):
    """A figure of the table.

    Attributes:
        heading: What it is called there.
        figure: Finds it among the costs; None where nothing tells it.
        form: How it is written.
    """

    heading: str
    figure: Callable[[Costs], float | None]
    form: str


COLUMNS = (
    Column("p50 ms", lambda costs: costs.latency_ms, ".2f"),
    Column("p95 ms", lambda costs: costs.latency_p95_ms, ".2f"),
    Column("load ms", lambda costs: costs.load_ms, ".0f"),
    Column("memory MB", lambda costs: costs.memory_mb, ".0f"),
    Column("runtime MB", lambda costs: costs.runtime_mb, ".0f"),
    Column("size MB", lambda costs: costs.size_mb, ".1f"),
    Column("energy mJ", lambda costs: costs.energy_mj, ".2f"),
)

Where = Annotated[str, typer.Option(help="Where to measure: a name of the catalogue, or a YAML file.")]


def profile(
    models: Annotated[
        list[str], typer.Argument(help="Bundles, BERT directories, hub ids or bundled backbones.", metavar="MODEL...")
    ],
    device: Where = "this-machine",
    task: Annotated[
        str, typer.Option(help="Whose validation texts to time: a bundled task, or a file of yours.")
    ] = "home-intents",
    compare: Annotated[bool, typer.Option("--compare", help="Add how many times better each is than the first.")] = (
        False
    ),
    as_json: Json = False,
) -> None:
    """Measure models as ONNX, in fp32 and in int8; bundles as they are."""
    with console.status("measuring"):
        from search.devices.loading import load_device
        from search.reading import parse
        from search.tasks import TaskChoice

        place = load_device(device)
        place.check()
        data = parse(TaskChoice, {"task": task}, "--task").task.load()
        try:
            costs = {
                (model, kind): cost for model in models for kind, cost in measure_model(model, place, data).items()
            }
        finally:
            place.close()
    if as_json:
        measured = [{"model": model, "kind": kind, **asdict(cost)} for (model, kind), cost in costs.items()]
        print_json({"device": device, "costs": measured})
        return
    console.print(_table(f"{device}: {next(iter(costs.values())).machine}", costs, compare=compare))


def measure_model(model: str, device: Device, task: Task) -> dict[str, Costs]:
    """The costs of a bundle's artefact, or of a BERT as fp32 and as int8, by name."""
    from search.artifacts.build import build_artifact
    from search.bundles.bundle import Bundle
    from search.compression import Draft
    from search.models.backbones import load_backbone
    from search.tasks.task import N_TIMED_TEXTS
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


def calibrate(
    device: Annotated[str, typer.Argument(help="A board to measure on: a YAML file with `kind: ssh`.")],
    out: Annotated[Path | None, typer.Option(help="The file to write; by default DEVICE.calibration.yaml.")] = None,
) -> None:
    """Measure a fixed set of artefacts on a board, so that its costs can be predicted where it is not at hand."""
    import yaml

    from search.devices.calibration import SET, calibration_of
    from search.devices.loading import load_device
    from search.devices.scaled import ScaledDevice
    from search.errors import UsageError
    from search.files import write_whole

    place = load_device(device)
    if isinstance(place, ScaledDevice):
        raise UsageError(f"device {place.name} is itself predicted: give one of `kind: ssh`, with its host")
    place.check()
    path = out or Path(f"{place.name}.calibration.yaml")
    with console.status(f"{len(SET)} artefacts on {place.name}") as status:
        try:
            calibration = calibration_of(place, lambda name: status.update(f"measuring {name}"))
        finally:
            place.close()
    write_whole(path, yaml.safe_dump(calibration.model_dump(mode="json"), sort_keys=False))
    console.print(
        f"wrote {path}: a latency on {place.name} is predicted from one on {calibration.beside} with a median error of"
        f" {calibration.error:.1%}\nuse it in a device file:  kind: scaled, calibration: {path}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _table(title: str, costs: dict[tuple[str, str], Costs], *, compare: bool) -> Table:
    columns = [column for column in COLUMNS if any(column.figure(cost) is not None for cost in costs.values())]
    table = Table(title=title, title_justify="left")
    table.add_column("model")
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True)
    if compare:
        table.add_column("faster", justify="right", no_wrap=True)
        table.add_column("smaller", justify="right", no_wrap=True)
    first = next(iter(costs.values()))
    for (model, kind), cost in costs.items():
        marks = {
            "noisy": not cost.steady,
            "predicted": cost.predicted,
            "throttled": cost.throttled,
            "energy estimated": cost.energy_estimated,
        }
        mark = "".join(f" ({name})" for name, holds in marks.items() if holds)
        known = [(column.figure(cost), column.form) for column in columns]
        cells = ["" if value is None else format(value, form) for value, form in known]
        if compare:
            cells += [f"{first.latency_ms / cost.latency_ms:.1f}x", f"{first.size_mb / cost.size_mb:.1f}x"]
        table.add_row(f"{model} {kind}{mark}", *cells)
    return table
