"""The store: where studies keep what they know, each in a folder of its own beside MLflow's database."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import filelock
import optuna
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import StudyDirection
from optuna.trial import TrialState
from pydantic import TypeAdapter

from results.choosing import Ending, Standing, standing_of
from results.records import StudyRecord, TrialRecord
from search.config import StudyConfig
from search.errors import UsageError
from search.files import write_whole
from search.reading import parse, read_mapping
from spaces import nearest

optuna.logging.set_verbosity(optuna.logging.WARNING)

# One user attribute of an Optuna trial has all that is known of it, because each write costs milliseconds.
RECORD = "record"
MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
STUDY, ENDING = TypeAdapter(StudyRecord), TypeAdapter(Ending)
FINISHED = (TrialState.COMPLETE, TrialState.FAIL)

# It counts up where trials of before and after don't compare; 0.1 wrote none.
FORMAT = "2"
# These may differ when a study is resumed; everything else would make its trials incomparable.
RESUMABLE_CHANGES = frozenset({"trials", "time", "tracking"})


class StudyStore:
    """A study's folder: its configuration, Optuna's journal and the artefacts of its trials.

    Args:
        store: The folder of all studies.
        name: The study's name.
    """

    def __init__(self, store: Path, name: str) -> None:
        self.name = name
        self.folder = store / "studies" / name

    @property
    def exists(self) -> bool:
        """Whether the study was ever begun."""
        return (self.folder / "study.yaml").is_file()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the study for this process alone.

        Raises:
            UsageError: Another process is running it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self.folder / "lock", timeout=0):
                self._mend_journal()
                yield
        except filelock.Timeout as error:
            raise UsageError(
                f"study '{self.name}' is being run by another process: wait for it, or begin another with --name"
            ) from error

    def save_config(self, config: StudyConfig, inputs: Mapping[str, str]) -> None:
        """Write the configuration down, or check that it is the one that the study was begun with.

        Args:
            config: The configuration.
            inputs: Fingerprints of what it names, which may change under the same name.

        Raises:
            UsageError: The study was begun with another configuration, or with other inputs.
        """
        path = self.folder / "inputs.json"
        if self.exists:
            known, asked = self.config().model_dump(), config.model_dump()
            changed = [key for key in known if known[key] != asked[key] and key not in RESUMABLE_CHANGES]
            begun_with = json.loads(path.read_text(encoding="utf-8"))
            if begun_with.pop("format", "1") != FORMAT:
                raise UsageError(
                    f"study '{self.name}' was begun by another version of bertailor, whose trials don't compare with"
                    " this one's: `front`, `report` and `export` read it; give a new one a --name of its own"
                )
            changed = changed or [name for name in inputs if inputs[name] != begun_with.get(name)]
            if changed:
                raise UsageError(
                    f"study '{self.name}' was begun with another {' and '.join(changed)}: give this one a --name of"
                    f" its own, or delete {self.folder} to begin again"
                )
        write_whole(path, json.dumps({"format": FORMAT, **inputs}))
        whole = config.model_dump(mode="json", exclude_none=True)
        write_whole(self.folder / "study.yaml", yaml.safe_dump(whole, sort_keys=False))

    def config(self) -> StudyConfig:
        """The configuration that the study was begun with."""
        path = self.folder / "study.yaml"
        return parse(StudyConfig, read_mapping(path), str(path))

    def save_study(self, study: StudyRecord) -> None:
        """Write the study down as its trackers see it."""
        write_whole(self.folder / "study.json", STUDY.dump_json(study))

    def study(self) -> StudyRecord:
        """The study as its trackers see it.

        Raises:
            UsageError: It stopped before it knew its task.
        """
        path = self.folder / "study.json"
        if not path.is_file():
            raise UsageError(f"study '{self.name}' stopped before its first trial: go on with `bertailor search`")
        return STUDY.validate_json(path.read_bytes())

    def save_ending(self, ending: Ending) -> None:
        """Write down how the study ended, but for its trials, which Optuna has."""
        write_whole(self.folder / "ending.json", ENDING.dump_json(dataclasses.replace(ending, standing=Standing())))

    def ending(self) -> Ending:
        """How the study ended, if it has, and where it stands."""
        path, standing = self.folder / "ending.json", standing_of(self.records(), self.config().objectives)
        ending = ENDING.validate_json(path.read_bytes()) if path.is_file() else Ending(standing=standing)
        still_holds = ending.n_trials == len(standing.trials)
        return dataclasses.replace(ending, standing=standing) if still_holds else Ending(standing=standing)

    def optuna_study(self, config: StudyConfig) -> optuna.Study:
        """The study in Optuna's journal, created if need be."""
        directions = [MAXIMIZE if name == "score" else MINIMIZE for name in config.objectives]
        return optuna.create_study(
            storage=self._storage(), study_name=self.name, directions=directions, load_if_exists=True
        )

    def records(self) -> list[TrialRecord]:
        """The finished trials, in order."""
        return finished(optuna.load_study(storage=self._storage(), study_name=self.name))

    def trial_folder(self, number: int) -> Path:
        """Where a trial keeps its artefact and its checkpoint."""
        return self.folder / "trials" / f"{number:04d}"

    def discard(self, number: int) -> None:
        """Delete what a trial kept."""
        shutil.rmtree(self.trial_folder(number), ignore_errors=True)

    def _storage(self) -> JournalStorage:
        # The default lock is a symbolic link, which Windows refuses and which, in a relative folder, hangs for ever
        # once a killed process has left it behind.
        journal = str(self._journal)
        return JournalStorage(JournalFileBackend(journal, lock_obj=JournalFileOpenLock(journal)))

    def _mend_journal(self) -> None:
        """Clear away what a process that died in the middle of a write left: its lock, and half a line."""
        self._journal.with_name(f"{self._journal.name}.lock").unlink(missing_ok=True)
        if self._journal.is_file():
            whole = self._journal.read_bytes().rfind(b"\n") + 1
            os.truncate(self._journal, whole)

    @property
    def _journal(self) -> Path:
        return self.folder / "journal.log"


def finished(study: optuna.Study) -> list[TrialRecord]:
    """The records of an Optuna study's finished trials, in order."""
    trials = study.get_trials(deepcopy=False, states=FINISHED)
    return [TrialRecord.from_dict(trial.user_attrs[RECORD]) for trial in trials if RECORD in trial.user_attrs]


def study_store(store: Path, name: str) -> StudyStore:
    """The folder of a study that exists; its file's path names it too.

    Raises:
        UsageError: The study was never begun.
    """
    if Path(name).is_file():
        name = str(read_mapping(Path(name)).get("name", Path(name).stem))
    known = begun_studies(store)
    if name not in known:
        remedy = f"studies there: {', '.join(known)}" if known else "begin one with `bertailor search`"
        raise UsageError(f"there is no study '{name}'{nearest(name, known)} in {store}; {remedy}")
    return StudyStore(store, name)


def begun_studies(store: Path) -> list[str]:
    """The names of the studies in a store, sorted."""
    return sorted(path.parent.name for path in (store / "studies").glob("*/study.yaml"))
