"""`bertailor front`, `report` and `list`: look at what there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from search.cli.console import DEFAULT_STORE, Json, Store, console, print_json
from trackers.tables import ending_row, front_rows, trials_table

if TYPE_CHECKING:
    from search.devices.device import Device

What = Literal["studies", "tasks", "devices", "spaces", "backbones"]


def front(
    study: Annotated[str, typer.Argument(help="The study's name, or its file.")],
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show a study's front."""
    from search.sampling.store import study_store
    from trackers.console import print_findings
    from trackers.description import nothing_fits

    begun = study_store(store, study)
    ending = begun.ending()
    standing = ending.standing
    if as_json:
        answer = {"study": begun.name, "trials": len(standing.trials), **ending_row(ending)}
        print_json({**answer, "front": front_rows(standing)})
    elif standing.front:
        title = f"Front of {begun.name}: {len(standing.front)} of {len(standing.trials)} trials"
        console.print(trials_table(standing.members, standing.recommended, title))
        print_findings(console, ending)
    else:
        console.print(nothing_fits(standing, begun.config().budgets), markup=False, highlight=False, soft_wrap=True)


def report(
    study: Annotated[str, typer.Argument(help="The study's name, or its file.")],
    out: Annotated[Path | None, typer.Option(help="The file to write; by default STUDY.html.")] = None,
    store: Store = DEFAULT_STORE,
) -> None:
    """Write a study's story, plots and trials as one HTML file that needs no network."""
    with console.status("drawing"):
        from search.files import write_whole
        from search.sampling.store import study_store
        from trackers.plots import plots
        from trackers.report import report_page

        begun = study_store(store, study)
        record, ending = begun.study(), begun.ending()
        path = out or Path(f"{begun.name}.html")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, report_page(record, ending.standing, plots(record, ending.standing), ending))
    console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)


def list_known(
    what: Annotated[What, typer.Argument(help="What to list.")],
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """List studies, tasks, devices, spaces or backbones."""
    rows = _known(what, store)
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, show_header=False)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table if rows else f"no {what}")


def _known(what: What, store: Path) -> list[dict[str, Any]]:
    if what == "studies":
        from search.config import STUDIES, study_names
        from search.sampling.store import begun_studies

        bundled = [
            {"name": name, "state": "bundled", "about": _comment(STUDIES / f"{name}.yaml")} for name in study_names()
        ]
        begun = [{"name": name, "state": "begun", "about": f"in {store}"} for name in begun_studies(store)]
        return bundled + begun
    if what == "tasks":
        from search.tasks import BUNDLED

        return [{"name": name, "about": (source.__doc__ or "").splitlines()[0]} for name, source in BUNDLED.items()]
    if what == "devices":
        from search.devices.loading import device_names, load_device

        return [_device(load_device(name)) for name in device_names()]
    if what == "spaces":
        from spaces import preset_descriptions

        return [{"name": name, "about": about} for name, about in preset_descriptions().items()]
    from search.models.catalogue import BUNDLED as BACKBONES

    return [{"name": name, "about": about} for name, about in BACKBONES.items()]


def _device(device: Device) -> dict[str, Any]:
    facts = device.facts
    known = "" if facts is None else f"{facts.cores} x {facts.clock_ghz} GHz, {facts.instructions}: {facts.source}"
    budgets = ", ".join(f"{name} {limit:g}" for name, limit in device.budgets.model_dump(exclude_none=True).items())
    return {"name": device.name, "about": device.description, "budgets": budgets, "facts": known}


def _comment(path: Path) -> str:
    """A bundled study's first line, which says what it is for."""
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("#").strip()
