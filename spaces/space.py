"""A space: the set of choices that a study samples from."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import optuna
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from spaces.candidate import Architecture, Candidate, Importance, Quantisation, Shape, Training
from spaces.choices import FloatChoice, IntChoice, OneOf, as_choice, of_full_size
from spaces.compressions import BY_SIZE, CompressionChoices, of_corpus
from spaces.corpus import Corpus
from spaces.yaml_files import read_mapping

PRESETS = Path(__file__).with_name("presets")

LayerSelection = Literal["even", "first", "last"]


class _Choices(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArchitectureChoices(_Choices):
    """The choices of an architecture, in layers, heads and channels, or in percent of the backbone's.

    Attributes:
        depth: How many layers are kept.
        layers: Which layers a shallower candidate keeps: spread evenly, the first or the last ones.
        heads: Attention heads of a layer; those of least importance go.
        ffn_size: FFN channels of a layer; those of least importance go.
        hidden_size: Channels between the layers and in the embeddings; those of least importance go.
        per_layer: Whether heads and FFN size are chosen for each layer on its own.
        shared: Whether all layers have the same weights; true only with backbone ``scratch`` and ``standalone``.
    """

    depth: IntChoice
    layers: Annotated[OneOf[LayerSelection], BeforeValidator(as_choice)]
    heads: IntChoice
    ffn_size: IntChoice
    hidden_size: IntChoice
    per_layer: bool = False
    shared: Annotated[OneOf[bool], BeforeValidator(as_choice)] = OneOf[bool](values=(False,))


class TrainingChoices(_Choices):
    """The choices of a training; how it is pruned is put to a trial with pretrained weights alone.

    Attributes:
        learning_rate: The highest one of AdamW, which warms up and decays.
        epochs: Passes through the training texts.
        batch_size: Texts of a step.
        importance: What orders the heads and channels before they are cut.
        rounds: In how many goes a candidate is pruned, with training between them.
    """

    learning_rate: FloatChoice
    epochs: IntChoice
    batch_size: IntChoice
    importance: Annotated[OneOf[Importance], BeforeValidator(as_choice)] = OneOf[Importance](values=("magnitude",))
    rounds: IntChoice = OneOf[int](values=(1,))

    def n_points(self, *, pretrained: bool) -> float:
        """How many different trainings there are."""
        points = self.learning_rate.n_points * self.epochs.n_points * self.batch_size.n_points
        return points * self.importance.n_points * self.rounds.n_points if pretrained else points

    def sample(self, trial: optuna.trial.BaseTrial, *, pretrained: bool) -> Training:
        """Let ``trial`` choose a training."""
        chosen: dict[str, Any] = {
            "learning_rate": self.learning_rate.suggest(trial, "learning_rate"),
            "epochs": self.epochs.suggest(trial, "epochs"),
            "batch_size": self.batch_size.suggest(trial, "batch_size"),
        }
        if pretrained:
            chosen["importance"] = self.importance.suggest(trial, "importance")
            chosen["rounds"] = self.rounds.suggest(trial, "rounds")
        return Training(**chosen)


class Space(_Choices):
    """The choices that a study samples from, for a backbone of one shape and the texts of one task."""

    shape: Shape
    corpus: Corpus | None = None
    description: str = ""
    architecture: ArchitectureChoices
    compression: CompressionChoices
    training: TrainingChoices | None = None

    @classmethod
    def load(cls, name: str, shape: Shape, corpus: Corpus | None = None) -> Self:
        """Read a space for a backbone of ``shape`` and the texts of a ``corpus``.

        Args:
            name: A preset's name, or the path of a YAML file.
            shape: The full size that percentages refer to.
            corpus: What percentages of a vocabulary and percentiles of lengths refer to; without it, there is no
                choice of those.

        Raises:
            ValueError: No such space, or one that can't be read, exceeds the backbone or has a single point.
        """
        raw = read_space(name)
        sizes = dict(raw["architecture"])
        for choice in {"depth", "heads", "ffn_size", "hidden_size"} & sizes.keys():
            sizes[choice] = of_full_size(sizes[choice], getattr(shape, choice))
        sections = {**raw, "architecture": sizes}
        if isinstance(raw.get("compression"), dict):
            sections["compression"] = of_corpus(raw["compression"], corpus)
        return cls.model_validate({**sections, "shape": shape, "corpus": corpus})

    @model_validator(mode="after")
    def _offers_a_choice_that_fits(self) -> Self:
        for choice in ("depth", "heads", "ffn_size", "hidden_size"):
            largest, limit = max(getattr(self.architecture, choice).values), getattr(self.shape, choice)
            if largest > limit and not self.shape.resizable:
                raise ValueError(f"architecture.{choice}: {largest} is more than the backbone's {limit}")
        if True in self.architecture.shared.values:
            if not self.shape.resizable or self.training is None:
                raise ValueError("architecture.shared: needs backbone 'scratch' and strategy 'standalone'")
            if self.architecture.per_layer:
                raise ValueError("architecture.shared: layers that share their weights have no per_layer sizes")
        if self.n_points == 1:
            raise ValueError("the space has one point, nothing to search; give one of its choices more values")
        return self

    @property
    def n_points(self) -> float:
        """How many different candidates the space holds; infinite where a choice is continuous."""
        sizes, training = self.architecture, self.training
        of_a_layer = sizes.heads.n_points * sizes.ffn_size.n_points
        encoders = sum(
            len(self._selections(depth)) * of_a_layer ** (depth if sizes.per_layer else 1)
            for depth in sizes.depth.values
        )
        trainings = 1.0 if training is None else training.n_points(pretrained=not self.shape.resizable)
        return encoders * sizes.hidden_size.n_points * sizes.shared.n_points * self.compression.n_points * trainings

    def sample(self, trial: optuna.trial.BaseTrial) -> Candidate:
        """Let ``trial`` choose a candidate. Choices that make no difference are not put to it."""
        sizes = self.architecture
        depth = sizes.depth.suggest(trial, "depth")
        selections = self._selections(depth)
        selection = OneOf(values=selections).suggest(trial, "layers") if len(selections) > 1 else selections[0]
        suffixes = [f"_{layer}" for layer in range(depth)] if sizes.per_layer else [""]
        repeats = 1 if sizes.per_layer else depth
        architecture = Architecture(
            layers=self.kept(depth, selection),
            heads=[sizes.heads.suggest(trial, f"heads{suffix}") for suffix in suffixes] * repeats,
            ffn_sizes=[sizes.ffn_size.suggest(trial, f"ffn_size{suffix}") for suffix in suffixes] * repeats,
            hidden_size=sizes.hidden_size.suggest(trial, "hidden_size"),
            shared=sizes.shared.suggest(trial, "shared"),
        )
        compression = self.compression.sample(trial, architecture.hidden_size, self.corpus)
        training = None
        if self.training is not None:
            training = self.training.sample(trial, pretrained=not self.shape.resizable)
        return Candidate(architecture=architecture, compression=compression, training=training)

    def parameters(self, candidate: Candidate) -> dict[str, Any] | None:
        """What Optuna calls the choices of a candidate; None if the space doesn't have it."""
        architecture = candidate.architecture
        sizes: dict[str, int] = {}
        for layer, (heads, ffn_size) in enumerate(zip(architecture.heads, architecture.ffn_sizes, strict=True)):
            sizes |= {"heads": heads, f"heads_{layer}": heads, "ffn_size": ffn_size, f"ffn_size_{layer}": ffn_size}
        training = {} if candidate.training is None else candidate.training.model_dump()
        choices = {
            "depth": architecture.depth,
            "hidden_size": architecture.hidden_size,
            "shared": architecture.shared,
            **self.compression.parameters(candidate.compression, architecture.hidden_size),
        }
        for layers in self.architecture.layers.values:
            trial = optuna.trial.FixedTrial({**sizes, **training, **choices, "layers": layers})
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # Optuna warns of a value outside a range, and goes on
                try:
                    if self.sample(trial) == candidate:
                        return trial.params
                except (ValueError, UserWarning):
                    continue
        return None

    def smallest(self, quantisation: Quantisation | None = None) -> Candidate:
        """The candidate that no other undercuts in size: what the tightest budget can hope for.

        Args:
            quantisation: Of those that are quantised so; by default, so as makes the smallest file.
        """
        offered = self.compression.quantisation.values
        architecture = self._uniform(min)
        chosen = next(name for name in BY_SIZE if name in offered) if quantisation is None else quantisation
        return Candidate(
            architecture=architecture,
            compression=self.compression.smallest(chosen, architecture.hidden_size, self.corpus),
        )

    def largest(self) -> Architecture:
        """The architecture that no other exceeds in any size."""
        return self._uniform(max)

    def _uniform(self, extreme: Callable[[Iterable[int]], int]) -> Architecture:
        sizes, depth = self.architecture, extreme(self.architecture.depth.values)
        return Architecture.uniform(
            self.kept(depth, self._selections(depth)[0]),
            heads=extreme(sizes.heads.values),
            ffn_size=extreme(sizes.ffn_size.values),
            hidden_size=extreme(sizes.hidden_size.values),
        )

    def kept(self, depth: int, selection: LayerSelection) -> tuple[int, ...]:
        """Which layers an encoder of ``depth`` keeps; without a backbone there are none to choose from."""
        return tuple(range(depth)) if self.shape.resizable else kept_layers(depth, self.shape.depth, selection)

    def _selections(self, depth: int) -> tuple[LayerSelection, ...]:
        """The ways of choosing layers that differ: none do at full depth, nor without a backbone."""
        if self.shape.resizable:
            return self.architecture.layers.values[:1]
        kept = {kept_layers(depth, self.shape.depth, how): how for how in reversed(self.architecture.layers.values)}
        return tuple(reversed(kept.values()))


def kept_layers(depth: int, full_depth: int, selection: LayerSelection) -> tuple[int, ...]:
    """Which layers a shallower encoder keeps.

    ``even`` spreads them from the first to the last, as DistilBERT was initialised (Sanh et al. 2019,
    arXiv 1910.01108); ``first`` drops the top ones, which Sajjad et al. 2020 (arXiv 2004.03844) found to cost
    the least in fine-tuned tasks; ``last`` drops the bottom ones.

    Example:
        >>> kept_layers(3, 6, "even")
        (0, 2, 5)
    """
    if selection == "first":
        return tuple(range(depth))
    if selection == "last":
        return tuple(range(full_depth - depth, full_depth))
    return tuple(int(layer) for layer in np.linspace(0, full_depth - 1, depth))


def read_space(name: str) -> dict[str, Any]:
    """A space as it is written, with percentages of whatever it will be loaded for.

    Raises:
        ValueError: No such space, or one that can't be read.
    """
    path = _preset_path(name)
    raw = read_mapping(path)
    if not isinstance(raw.get("architecture"), dict):
        raise ValueError(f"{path} has no section 'architecture'; see the preset {PRESETS / 'default.yaml'}")
    return raw


def preset_names() -> list[str]:
    """The names of the presets, sorted."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def preset_descriptions() -> dict[str, str]:
    """What each preset says of itself, by its name."""
    return {
        name: yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))["description"]
        for name in preset_names()
    }


def _preset_path(name: str) -> Path:
    if Path(name).suffix in {".yaml", ".yml"}:
        if not Path(name).is_file():
            raise ValueError(f"there is no space file {name}")
        return Path(name)
    if name not in preset_names():
        raise ValueError(f"unknown space '{name}'{nearest(name, preset_names())}; see: bertailor list spaces")
    return PRESETS / f"{name}.yaml"


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that names the known word nearest to a misspelt one, or nothing.

    Example:
        >>> nearest("defualt", ["default", "tiny"])
        ", did you mean 'default'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean '{close[0]}'?" if close else ""
