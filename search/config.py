"""The study file: what to search, for which task and device, within which limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
)

from results.budgets import Budgets
from results.front import Objective
from search.errors import UsageError
from search.reading import parse, read_mapping
from search.tasks import TaskField, spelt_out
from spaces import Importance, nearest

STUDIES = Path(__file__).with_name("studies")

Sampler = Literal["auto", "tpe", "nsga2", "nsga3", "gp", "random"]

_TIME_UNITS = {"s": 1, "m": 60, "h": 3600}


def _seconds(raw: Any) -> Any:
    """``20m`` or ``1h30m`` as seconds; a plain number is seconds already."""
    if isinstance(raw, str) and re.fullmatch(r"(\d+(\.\d+)?[smh])+", raw):
        return sum(float(n) * _TIME_UNITS[unit] for n, unit in re.findall(r"([\d.]+)([smh])", raw))
    if isinstance(raw, str):
        raise ValueError(f"'{raw}' is no length of time: write it like 90s, 20m or 1h30m")
    return raw


class Tracking(BaseModel):
    """Where a study is recorded.

    Attributes:
        uri: The address of an MLflow server (``http://host:5000``) or of a database.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    uri: Annotated[str, Field(pattern=r"^\w+(\+\w+)?://")]


class StudyConfig(BaseModel):
    """A study, resolved: everything that decides what it does.

    Attributes:
        name: The study's name; a study of the same name is resumed.
        task: The data: a bundled task, the user's files or a hub data set.
        backbone: What candidates are cut from: a bundled name, a BERT directory, a hub id or ``scratch``.
        device: Where artefacts are measured: a name of the catalogue or a YAML file.
        space: What may be chosen: a preset or a YAML file.
        strategy: How a candidate gets its weights: ``supernet`` cuts them from one network that was fine-tuned
            for all candidates, ``standalone`` fine-tunes each on its own.
        warm_up_epochs: Passes through the texts in which the super-network learns to be cut.
        importance: What orders the super-network's heads and channels, so that cutting keeps what matters most.
        trial_steps: Steps of distillation that every candidate of a super-network is given before it is scored.
        polish_epochs: Passes in which the front's members are distilled further at the end; 0 leaves them as they are.
        unlabelled: A file of the task's texts without labels that polishing learns from too: ``.txt`` with a text a
            line, or a table with a column ``text``.
        objectives: What the front trades off; ``score`` is maximised, costs are minimised.
        budgets: What a candidate must keep to.
        sampler: Which of Optuna's samplers proposes candidates; ``auto`` is ``gp``, and ``tpe`` after the first 60.
        trials: How many candidates the sampler proposes in all runs of the study; entrants and polished ones come on
            top.
        time: No trial starts after so long, such as ``90s``, ``20m``, ``1h30m`` or a number of seconds; the limit of
            one run of the command, not of the study.
        seed: Decides everything that chance decides, but for the machine's timings.
        tracking: An MLflow server or database, by its address; else ``MLFLOW_TRACKING_URI``, else the embedded store.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    task: TaskField
    backbone: str = "minilm-l6"
    device: str = "this-machine"
    space: str = "default"
    strategy: Literal["supernet", "standalone"] = "supernet"
    warm_up_epochs: PositiveInt = 2
    importance: Importance = "taylor"
    trial_steps: NonNegativeInt = 0
    polish_epochs: NonNegativeInt = 2
    unlabelled: Path | None = None
    objectives: Annotated[tuple[Objective, ...], Field(min_length=2, max_length=4)] = (
        "score",
        "latency_ms",
        "size_mb",
    )
    budgets: Budgets = Budgets()
    sampler: Sampler = "auto"
    trials: PositiveInt = 40
    time: Annotated[PositiveFloat | None, BeforeValidator(_seconds)] = None
    seed: Annotated[int, Field(ge=0)] = 0
    tracking: Tracking | None = None

    @field_validator("objectives")
    @classmethod
    def _each_once(cls, objectives: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(objectives)) < len(objectives):
            raise ValueError("an objective is named twice")
        return objectives

    @property
    def tracking_uri(self) -> str | None:
        """Where the study is recorded, if it says so itself."""
        return None if self.tracking is None else self.tracking.uri

    def to_yaml(self) -> str:
        """The study file that gives this study again, without where it is recorded: that may hold a password."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude_none=True, exclude={"tracking"}), sort_keys=False)


def load_config(study: str, overrides: Mapping[str, Any]) -> StudyConfig:
    """Read a study file, or a bundled study by its name, and override some of its keys.

    Args:
        study: A path of a YAML file or a bundled study's name.
        overrides: New values by dotted keys, such as ``{"budgets.latency_ms": 8}``.

    Raises:
        UsageError: No such study, or something in it is wrong.
    """
    path = _study_path(study)
    raw = _with_whole_paths({"name": path.stem, **read_mapping(path)}, path.parent)
    for key, value in overrides.items():
        section, _, last = key.rpartition(".")
        if section == "":
            raw[last] = value
            continue
        values = spelt_out(raw.get(section)) if section == "task" else raw.get(section)
        if not isinstance(values or {}, dict):
            raise UsageError(f"--set {key}: '{section}' has no keys of its own; set it whole")
        raw[section] = {**(values or {}), last: value}
    return parse(StudyConfig, _with_whole_paths(raw, Path.cwd()), str(path))


def _with_whole_paths(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same study with the files it names under ``folder`` by their whole paths, so that it holds anywhere."""

    def whole(name: Any) -> Any:
        # `default` and `minilm-l6` are names, whatever folders lie about.
        looks_like_a_path = isinstance(name, str) and ("/" in name or Path(name).suffix)
        return str((folder / name).resolve()) if looks_like_a_path and (folder / name).exists() else name

    task = spelt_out(raw.get("task"))
    if isinstance(task, dict):
        files = {key: whole(task[key]) for key in ("path", "validation", "test", "hub") if key in task}
        raw = {**raw, "task": {**task, **files}}
    return {**raw, **{key: whole(raw[key]) for key in ("backbone", "device", "space", "unlabelled") if key in raw}}


def parse_overrides(settings: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value`` settings of a command line; values are YAML.

    Raises:
        UsageError: A setting without ``=``, or with a value that is not YAML.

    Example:
        >>> parse_overrides(["budgets.latency_ms=8", "sampler=gp"])
        {'budgets.latency_ms': 8, 'sampler': 'gp'}
    """
    overrides = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {setting}: write it as key=value, such as budgets.latency_ms=8")
        try:
            overrides[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {setting}: the value is not valid YAML") from error
    return overrides


def study_names() -> list[str]:
    """The bundled studies, sorted."""
    return sorted(path.stem for path in STUDIES.glob("*.yaml"))


def _study_path(study: str) -> Path:
    if Path(study).is_file():
        return Path(study)
    if study in study_names():
        return STUDIES / f"{study}.yaml"
    if Path(study).suffix in {".yaml", ".yml"}:
        raise UsageError(f"there is no study file {study}: correct the path, or see `bertailor list studies`")
    raise UsageError(f"unknown study '{study}'{nearest(study, study_names())}: see `bertailor list studies`")
