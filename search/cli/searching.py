"""`bertailor search`: run a study."""

from __future__ import annotations

import signal
from typing import Annotated, Any

import typer
from rich.console import Console

from search.cli.console import DEFAULT_STORE, Json, Store, console, errors, print_json
from trackers.console import ConsoleTracker
from trackers.tables import ending_row, front_rows

INTERRUPTED = 130  # what a shell reports of a command that Ctrl-C ended


def search(
    study: Annotated[str, typer.Argument(help="A study file (YAML), or the name of a bundled study.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a key, such as budgets.latency_ms=8. Repeatable."),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(help="Candidates that the sampler proposes; entrants and polished versions come on top."),
    ] = None,
    time: Annotated[str | None, typer.Option(help="Start no trial after this long: 90s, 20m, 1h30m.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides what chance decides.")] = None,
    name: Annotated[str | None, typer.Option(help="The study's name; a study of that name is resumed.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing before the front at the end.")] = False,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Search the BERT that fits: run a study, or go on with it where it stopped."""
    from search.config import load_config, parse_overrides

    options: dict[str, Any] = {"trials": trials, "time": time, "seed": seed, "name": name}
    given = {key: value for key, value in options.items() if value is not None}
    config = load_config(study, {**parse_overrides(settings or []), **given})
    progress = errors if as_json else console
    if not quiet:
        progress.print(config.to_yaml(), markup=False, highlight=False)

    # torch, transformers and mlflow take seconds to import, so the mistakes of a study file are told before.
    with progress.status("starting"):
        from search.study.running import run_study
        from trackers.mlflow.store import is_away
        from trackers.mlflow.tracker import MlflowTracker
        from trackers.outbox import Outbox
        from trackers.tracker import Trackers

        shown = ConsoleTracker(progress, quiet=quiet)
        mlflow = MlflowTracker(store, config.tracking_uri)
        trackers = Trackers([shown, Outbox(mlflow, is_away, shown.warn)])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service's stop is as clean as Ctrl-C
    try:
        ending = run_study(config, store, trackers)
    finally:
        shown.close()
    if as_json:
        print_json({"study": config.name, **ending_row(ending), "front": front_rows(ending.standing)})
    elif ending.standing.front:
        _say_what_next(progress, config.name, store)
    if ending.stopped:
        raise typer.Exit(INTERRUPTED)


def _say_what_next(progress: Console, name: str, store: Any) -> None:
    option = "" if store == DEFAULT_STORE else f" --store {store}"
    progress.print(f"export it:  bertailor export {name} --out {name}-bundle{option}", markup=False, highlight=False)
    progress.print(f"browse it:  bertailor ui{option}", markup=False, highlight=False)
