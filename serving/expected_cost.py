"""Expected cost in currency: a second booster and a calibration of a few numbers, plain files too.

`cost.txt` lies beside `model.txt` and is LightGBM's own text; `model.json` says under
"expected_cost" how its output becomes dollars, and holds the sum of its bytes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import InputError, RefusalError
from serving.booster import load_lightgbm

if TYPE_CHECKING:
    from lightgbm import Booster

KEY = "expected_cost"
"""Where `model.json` tells of it."""
FILE = "cost.txt"
OUTPUTS = ("dollars", "log dollars")
"""What a booster says: an amount itself (Tweedie), or the logarithm of 1 + the amount."""
LEAST = 1.0
"""Dollars; an amount below is calibrated as this one, so that a logarithm exists."""


@dataclass(frozen=True)
class DollarCalibration:
    """From a booster's output to expected dollars, rising: straight lines between the logarithms of
    the knots (said[i], expected[i]), in proportion outside them; with one knot, in proportion.

    Raises InputError where the knots are not finite, not above 0, or do not rise.
    """

    said: tuple[float, ...]
    expected: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers = [*self.said, *self.expected]
        if not numbers or len(self.said) != len(self.expected):
            raise InputError("The knots of expected cost do not pair: train the model anew.")
        if not all(math.isfinite(n) and n > 0 for n in numbers):
            raise InputError("The knots of expected cost are not above 0: train the model anew.")
        if (np.diff(self.said) <= 0).any() or (np.diff(self.expected) < 0).any():
            raise InputError("The knots of expected cost do not rise: train the model anew.")

    def apply(self, dollars: ArrayLike) -> NDArray[np.float64]:
        """Expected dollars of each output; float64[rows], above 0."""
        x = np.log(np.maximum(np.asarray(dollars, dtype=np.float64), LEAST))
        said, expected = np.log(self.said), np.log(self.expected)
        inside = np.interp(x, said, expected)
        outside = np.minimum(x - said[0], 0) + np.maximum(x - said[-1], 0)
        return np.exp(inside + outside)

    def to_json(self) -> dict[str, list[float]]:
        return {"said": list(self.said), "expected": list(self.expected)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Sequence[float]]) -> DollarCalibration:
        return cls(tuple(map(float, kept["said"])), tuple(map(float, kept["expected"])))


@dataclass(frozen=True)
class ExpectedCost:
    """The booster of cost, what its output is (OUTPUTS), and its calibration."""

    booster: Booster
    output: str
    calibration: DollarCalibration

    def dollars(self, X: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        """The expected allowed amount of the outcome window of each row; float64[rows]."""
        if len(X) == 0:
            return np.empty(0)
        return self.calibration.apply(said_dollars(self.booster, self.output, X, threads))


def said_dollars(
    booster: Booster, output: str, X: NDArray[np.float32], threads: int
) -> NDArray[np.float64]:
    """What a booster says of each row before calibration, in dollars; never below 0."""
    said = np.asarray(booster.predict(X, num_threads=threads), dtype=np.float64)
    return np.maximum(np.expm1(said) if output == "log dollars" else said, 0)


def read_cost_text(folder: Path, metadata: Mapping[str, Any]) -> str | None:
    """The booster's text of expected cost; None where the model has none.

    Raises InputError where `cost.txt` is missing, RefusalError where it is not the one that
    `model.json` was written with.
    """
    told = metadata.get(KEY)
    if told is None:
        return None
    path = folder / FILE
    if not path.is_file():
        raise InputError(
            f"There is no {FILE} in {folder}: `firstcall train`, then `firstcall promote`."
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        raise RefusalError(
            f"{FILE} in {folder} is not the one that model.json was written with: train the model "
            "anew."
        )
    return content.decode()


def load_expected_cost(text: str, told: Mapping[str, Any], features: Sequence[str]) -> ExpectedCost:
    """Build it from `cost.txt` and what `model.json` says.

    Raises RefusalError where the booster was fitted on other columns than `features`.
    """
    lightgbm = load_lightgbm()
    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise InputError(f"{FILE} is not a LightGBM model: train the model anew.") from error
    if booster.feature_name() != list(features):
        raise RefusalError(f"{FILE} and model.json do not fit: train the model anew.")
    return ExpectedCost(booster, told["output"], DollarCalibration.from_json(told["calibration"]))
