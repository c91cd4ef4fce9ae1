"""The kinds of choice that a space is made of, and how an Optuna trial makes them."""

from __future__ import annotations

import math
from typing import Annotated, Any, Generic, Self, TypeVar, cast

import optuna
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    model_validator,
)

T = TypeVar("T", bound=int | float | str)


class OneOf(BaseModel, Generic[T]):
    """One of a few listed values. In YAML: a list, or a single value that leaves no choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    values: Annotated[tuple[T, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        if len(set(self.values)) != len(self.values):
            raise ValueError(f"{list(self.values)} names a value twice")
        return self

    @property
    def n_points(self) -> float:
        """How many different values there are."""
        return len(self.values)

    @property
    def middle(self) -> T:
        """The value in the middle of the list."""
        return self.values[len(self.values) // 2]

    def suggest(self, trial: optuna.trial.BaseTrial, name: str) -> T:
        """Let ``trial`` choose under ``name``; evenly spaced numbers keep their order for the sampler."""
        values = self.values
        if len(values) == 1:
            return values[0]
        if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            ordered = sorted(int(value) for value in values)
            step = ordered[1] - ordered[0]
            if ordered == list(range(ordered[0], ordered[-1] + 1, step)):
                return cast(T, trial.suggest_int(name, ordered[0], ordered[-1], step=step))
        return cast(T, trial.suggest_categorical(name, values))


class IntRange(BaseModel):
    """Whole numbers from ``low`` to ``high``, ``step`` apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    low: int
    high: int
    step: Annotated[int, Field(gt=0)] = 1

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        if self.low < 1 or self.high < self.low:
            raise ValueError(f"low must be at least 1 and at most high, not {self.low} and {self.high}")
        return self

    @property
    def values(self) -> tuple[int, ...]:
        """Every value, ascending."""
        return tuple(range(self.low, self.high + 1, self.step))

    @property
    def n_points(self) -> float:
        """How many different values there are."""
        return len(self.values)

    @property
    def middle(self) -> int:
        """The value in the middle of the range."""
        return self.values[len(self.values) // 2]

    def suggest(self, trial: optuna.trial.BaseTrial, name: str) -> int:
        """Let ``trial`` choose under ``name``."""
        values = self.values
        return values[0] if len(values) == 1 else trial.suggest_int(name, values[0], values[-1], step=self.step)


class LogRange(BaseModel):
    """Any number from ``low`` to ``high``, drawn on a logarithmic scale."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    low: PositiveFloat
    high: PositiveFloat

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        if self.high < self.low:
            raise ValueError(f"low must be at most high, not {self.low} and {self.high}")
        return self

    @property
    def n_points(self) -> float:
        """How many different values there are."""
        return math.inf if self.low < self.high else 1

    @property
    def middle(self) -> float:
        """The value in the middle of the logarithmic scale."""
        return math.sqrt(self.low * self.high)

    def suggest(self, trial: optuna.trial.BaseTrial, name: str) -> float:
        """Let ``trial`` choose under ``name``."""
        return self.low if self.n_points == 1 else trial.suggest_float(name, self.low, self.high, log=True)


def as_choice(raw: Any) -> Any:
    """Read a list, or a single value that leaves no choice, as the listed values of a choice."""
    if isinstance(raw, list | tuple):
        return {"values": raw}
    return {"values": [raw]} if isinstance(raw, int | float | str) else raw


def _kind(choice: Any) -> str:
    """Which kind of choice is meant, so that what is wrong is told of that kind alone."""
    return "list" if isinstance(choice, OneOf) or (isinstance(choice, dict) and "values" in choice) else "range"


IntChoice = Annotated[
    Annotated[OneOf[PositiveInt], Tag("list")] | Annotated[IntRange, Tag("range")],
    Discriminator(_kind),
    BeforeValidator(as_choice),
]
FloatChoice = Annotated[
    Annotated[OneOf[PositiveFloat], Tag("list")] | Annotated[LogRange, Tag("range")],
    Discriminator(_kind),
    BeforeValidator(as_choice),
]


def of_full_size(raw: Any, full: int) -> Any:
    """Replace the percentages in a choice's YAML by numbers, relative to the ``full`` size.

    Values that fall together, as small percentages of a small backbone do, are kept once.

    Raises:
        ValueError: A text that is neither a number nor a percentage.

    Example:
        >>> of_full_size(["25%", "50%", 12], full=12)
        [3, 6, 12]
    """
    if isinstance(raw, dict):
        return {key: value if key == "step" else of_full_size(value, full) for key, value in raw.items()}
    if isinstance(raw, list | tuple):
        return list(dict.fromkeys(of_full_size(value, full) for value in raw))
    if isinstance(raw, str):
        number, percent, rest = raw.partition("%")
        if not percent or rest or not number.strip().isdigit():
            raise ValueError(f"'{raw}' is neither a number nor a percentage of the backbone such as '50%'")
        return max(1, round(int(number) / 100 * full))
    return raw
