"""Beginning a study or going on with it: budgets are tried, inputs are told from others, trials are taken up."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from results.records import DataRecord, StudyRecord
from search.devices.device import MeasurementError
from search.errors import UsageError
from search.files import digest
from search.sampling.ledger import Ledger
from search.sampling.store import StudyStore
from search.sampling.telling import recover
from search.study.workbench import Workbench
from spaces import read_space
from trackers.tracker import Tracker

# A study's record has this part of the configuration elsewhere, or must not tell it.
ASIDE = ("name", "objectives", "budgets", "task", "trials", "time", "tracking")
TEXTS = "task's texts"


def begin(bench: Workbench, store: StudyStore, tracker: Tracker) -> Ledger:
    """The ledger of a study that begins or goes on, and of which the tracker has heard.

    Raises:
        UsageError: No candidate can keep to the budgets, or the study was begun with other inputs.
    """
    if not store.exists:
        check_budgets(bench, store, tracker.stage)
    inputs = inputs_of(bench)
    store.save_config(bench.config, inputs)
    study = store.optuna_study(bench.config)
    recover(study, store, bench.config, bench.space, bench.entrants)
    ledger = Ledger(study, bench.config, tracker)
    record = study_record(bench, inputs)
    store.save_study(record)
    tracker.begin(record, ledger.standing)
    return ledger


def check_budgets(bench: Workbench, store: StudyStore, say: Callable[[str], None]) -> None:
    """Refuse budgets that even the smallest candidate of the space breaks, before any time is spent.

    Raises:
        UsageError: No candidate can keep to the budgets.
    """
    budgets = bench.config.budgets
    if not budgets.limits.keys() - {"score"} and "energy_mj" not in bench.config.objectives:
        return
    say("measuring the smallest candidate against the budgets")
    for quantisation in bench.space.compression.quantisation.values:
        candidate = bench.space.smallest(quantisation)
        model = bench.maker.cut(candidate, bench.pretrained)
        with tempfile.TemporaryDirectory(dir=store.folder) as folder:
            bench.maker.build(model, candidate, Path(folder))
            try:
                broken = budgets.over(bench.meter.costs(model, candidate, Path(folder)).figures)
            except MeasurementError as error:
                raise UsageError(str(error)) from error
        if not broken:
            return
    raise UsageError(
        f"the budgets can't be met: the smallest candidate of space '{bench.config.space}', {candidate.label},"
        f" has {broken}; raise the budget, or take a space with smaller candidates"
    )


def inputs_of(bench: Workbench) -> dict[str, str]:
    """What the study's trials share, as fingerprints: when one changes, they no longer compare."""
    texts = json.dumps([[split.texts, split.labels] for split in (bench.task.train, bench.task.validation)])
    # The space counts as it is written: what its percentages come to changes with the texts, which count on their own.
    space = json.dumps([read_space(bench.config.space), dataclasses.asdict(bench.space.shape)])
    parts = {TEXTS: texts, "space": space, "device": bench.device.fingerprint}
    if bench.unlabelled:
        parts["unlabelled texts"] = json.dumps(bench.unlabelled)
    return {name: digest(part.encode()) for name, part in parts.items()}


def study_record(bench: Workbench, inputs: Mapping[str, str]) -> StudyRecord:
    """The study as its trackers see it; ``inputs`` are those of ``inputs_of``."""
    config, task = bench.config, bench.task
    settings = config.model_dump(mode="json", exclude={*ASIDE})
    return StudyRecord(
        name=config.name,
        task=task.name,
        device=bench.device.name,
        n_trials=config.trials + len(bench.entrants.candidates),
        time_limit_s=config.time,
        objectives=config.objectives,
        budgets=config.budgets,
        settings={key: str(value) for key, value in settings.items() if value is not None},
        config_yaml=config.to_yaml(),
        data=DataRecord(
            name=task.name,
            digest=inputs[TEXTS][:16],
            source=task.source,
            labels=task.labels,
            n_train=len(task.train),
            n_validation=len(task.validation),
        ),
    )
