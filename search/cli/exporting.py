"""`bertailor export`, `verify` and `predict`: from a study's winner to a file in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from results.front import Pick
from results.records import TrialRecord
from search.cli.console import DEFAULT_STORE, Json, Store, console, errors, print_json
from search.errors import UsageError
from trackers.errors import TrackingError

if TYPE_CHECKING:
    from search.bundles.bundle import Bundle
    from search.config import StudyConfig

BundlePath = Annotated[Path, typer.Argument(help="A bundle that `bertailor export` made.")]


def export(
    study: Annotated[str, typer.Argument(help="The study's name, or its file.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    trial: Annotated[int | None, typer.Option(help="Export this trial.")] = None,
    how: Annotated[Pick, typer.Option("--pick", help="Which of those that fit the limits to export.")] = "knee",
    max_latency_ms: Annotated[float | None, typer.Option(help="Only trials at most this slow (p50).")] = None,
    max_size_mb: Annotated[float | None, typer.Option(help="Only trials at most this large on disk.")] = None,
    max_memory_mb: Annotated[float | None, typer.Option(help="Only trials with at most this peak memory.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Only trials that score at least this on validation.")] = None,
    formats: Annotated[
        str, typer.Option("--format", help="What to write: onnx, hf (the checkpoint) and openvino, with commas.")
    ] = "onnx,hf",
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Export a winner as a bundle: the artefact, its checkpoint, and the proof that it fits."""
    with console.status("exporting"):
        from results.budgets import Budgets
        from results.choosing import eligible, picked
        from search.bundles.bundle import export_bundle, read_formats
        from search.devices.loading import load_device
        from search.reading import parse
        from search.sampling.store import study_store

        wanted = read_formats(formats)
        begun = study_store(store, study)
        config = begun.config()
        limits = {"latency_ms": max_latency_ms, "size_mb": max_size_mb, "memory_mb": max_memory_mb, "score": min_score}
        scored = eligible(begun.records())
        if trial is None:
            within = parse(Budgets, limits, "the limits of export")
            fitting = picked(scored, within, config.objectives, how)
            if fitting is None:
                raise UsageError(
                    f"none of the {len(scored)} scored trials of study '{begun.name}' fits these limits: loosen them,"
                    f" or search on with more trials; `bertailor front {begun.name}` shows what there is"
                )
            chosen = fitting
        else:
            chosen = _numbered(trial, scored, begun.name)
        folder = begun.trial_folder(chosen.number)
        if not folder.is_dir():
            from search.study.running import remake

            remake(chosen, begun, store)
        device = load_device(config.device)
        bundle = export_bundle(chosen, folder, config, config.task.load(), device, out, wanted)
        address = _registered(bundle, chosen, config, store)
    if as_json:
        exported = {"bundle": str(out), "trial": chosen.number, "candidate": chosen.label, "registered": address}
        print_json({**exported, **bundle.proof})
        return
    scores = bundle.proof["score"]
    console.print(
        f"exported trial #{chosen.number}, {chosen.label}, to {out}: {scores['metric']} {scores['test']:.4f} on the"
        f" test split, p50 {chosen.figures['latency_ms']:.2f} ms, {chosen.figures['size_mb']:.1f} MB",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"check it:   bertailor verify {out}", markup=False, highlight=False)
    console.print(f'try it:     python {out / "run.py"} "..."', markup=False, highlight=False)
    if address:
        console.print(f"in MLflow:  {address}", markup=False, highlight=False)


def _registered(bundle: Bundle, trial: TrialRecord, config: StudyConfig, store: Path) -> str | None:
    """The address of the bundle's model in MLflow's registry; None, with a warning, where that can't be."""
    from trackers.mlflow.registry import register
    from trackers.mlflow.store import connect, is_away, tracking_uri

    scores = bundle.proof["score"]
    costs = f"p50 {trial.figures['latency_ms']:.2f} ms and {trial.figures['size_mb']:.1f} MB on {config.device}"
    score = f"{scores['metric']} {scores['test']:.4f} on the test split"
    description = f"Trial #{trial.number}, {trial.label}: {score}, {costs}."
    tags = {"trial": str(trial.number), "candidate": trial.label}
    try:
        client = connect(tracking_uri(store, config.tracking_uri))
        return register(
            client,
            study=config.name,
            trial=trial.number,
            bundle=bundle.folder,
            answer=bundle.answers([config.name])[0],
            description=description,
            tags=tags,
        )
    except Exception as error:
        if not isinstance(error, TrackingError) and not is_away(error):
            raise
        errors.print(
            f"the bundle is whole, but not in MLflow's registry: {error}", style="yellow", markup=False, soft_wrap=True
        )
        return None


def verify(
    folder: BundlePath,
    device: Annotated[
        str | None, typer.Option(help="Where to measure, if not on this machine: a device's name or YAML file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute a bundle's claims again: hashes, agreement with the checkpoint, score, budgets. Exit code 0 or 1."""
    with console.status("verifying"):
        from search.bundles.bundle import Bundle
        from search.bundles.verify import verify_bundle
        from search.devices.loading import load_device

        bundle = Bundle.open(folder)
        place = bundle.device if device is None else load_device(device)
        place.check()
        task = bundle.config.task.load()
        checks = []
        try:
            for check in verify_bundle(bundle, task, place):
                checks.append(check)
                if not as_json:
                    sign, style = ("ok    ", "green") if check.passed else ("FAILED", "red")
                    console.print(f"{sign}  {check.name}: {check.finding}", style=style, markup=False, highlight=False)
        finally:
            place.close()
    passed = all(check.passed for check in checks)
    if as_json:
        print_json({"passed": passed, "checks": [vars(check) for check in checks]})
    elif passed:
        console.print(f"{folder} is what it claims to be")
    raise typer.Exit(0 if passed else 1)


def predict(
    folder: BundlePath,
    texts: Annotated[list[str], typer.Argument(help="Texts to classify.", metavar="TEXT...")],
    as_json: Json = False,
) -> None:
    """Classify texts with a bundle's artefact."""
    from search.bundles.bundle import Bundle
    from search.bundles.program import in_a_line

    answers = list(zip(texts, Bundle.open(folder).answers(texts), strict=True))
    if as_json:
        print_json([{"text": text, **answer} for text, answer in answers])
        return
    for text, answer in answers:
        console.print(f"{in_a_line(answer)}  {text}", markup=False, highlight=False, soft_wrap=True)


def _numbered(number: int, scored: list[TrialRecord], study: str) -> TrialRecord:
    for record in scored:
        if record.number == number:
            return record
    raise UsageError(
        f"trial {number} of study '{study}' has nothing to export, because it doesn't exist, failed, broke a budget or"
        f" repeats another; those that can be: {', '.join(str(record.number) for record in scored) or 'none'}"
    )
