"""From the booster's margin to a probability: a few numbers in JSON, applied with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import InputError

Kind = Literal["none", "platt", "isotonic"]
LOWEST, HIGHEST = 1e-4, 1 - 1e-4
"""No risk is said to be nearer to 0 or 1 than this: no table of ours could support it."""


def sigmoid(margin: ArrayLike) -> NDArray[np.float64]:
    """The probability that belongs to a log odds; no overflow at either end."""
    m = np.asarray(margin, dtype=np.float64)
    small = np.exp(-np.abs(m))
    return np.where(m >= 0, 1.0, small) / (1.0 + small)


def logit(risk: ArrayLike) -> NDArray[np.float64]:
    """The log odds of a probability, clipped to [LOWEST, HIGHEST] first."""
    p = np.clip(np.asarray(risk, dtype=np.float64), LOWEST, HIGHEST)
    return np.log(p) - np.log1p(-p)


@dataclass(frozen=True)
class Calibrator:
    """A monotone map from margin (log odds as the booster says them) to calibrated probability.

    ``none``: sigmoid(margin). ``platt``: sigmoid(slope x margin + intercept), slope above 0.
    ``isotonic``: straight lines between the knots (margins[i], risks[i]), both rising, level
    outside them. The result is clipped to [LOWEST, HIGHEST]. Equal risks are possible (isotonic,
    clipping): whoever orders people breaks such ties by the margin. Where rows start from log odds
    of their own, these are right as they are: slope and intercept change the margin alone.
    """

    kind: Kind = "none"
    slope: float = 1.0
    intercept: float = 0.0
    margins: tuple[float, ...] = ()
    risks: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in ("none", "platt", "isotonic"):
            raise InputError(f"The calibrator's kind {self.kind!r} is none of none, platt, "
                             "isotonic: train the model anew.")  # fmt: skip
        numbers = np.array([self.slope, self.intercept, *self.margins, *self.risks])
        if not np.isfinite(numbers).all() or self.slope <= 0:
            raise InputError("The calibrator's numbers are not finite or its slope is not above "
                             "0: train the model anew.")  # fmt: skip
        if self.kind == "isotonic" and not self._knots_rise():
            raise InputError("The isotonic calibrator's knots do not rise: train the model anew.")

    def _knots_rise(self) -> bool:
        return (
            len(self.margins) == len(self.risks) > 0
            and bool(np.all(np.diff(self.margins) > 0))
            and bool(np.all(np.diff(self.risks) >= 0))
        )

    def apply(self, margin: ArrayLike, start: ArrayLike | None = None) -> NDArray[np.float64]:
        """One probability a margin, in the same order. `start`: the log odds that each row starts
        from, which the margin is added to. Raises ValueError where an isotonic one is given any.
        """
        m = np.asarray(margin, dtype=np.float64)
        if self.kind == "isotonic":
            if start is not None:
                raise ValueError("an isotonic calibrator knows of no log odds to start from")
            risk = np.interp(m, self.margins, self.risks)
        else:
            beside = 0.0 if start is None else np.asarray(start, dtype=np.float64)
            risk = sigmoid(self.slope * m + self.intercept + beside)
        return np.clip(risk, LOWEST, HIGHEST)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and lists, for `model.json`; read back by `from_json`."""
        if self.kind == "platt":
            return {"kind": "platt", "slope": self.slope, "intercept": self.intercept}
        if self.kind == "isotonic":
            return {
                "kind": "isotonic",
                "margins": list(self.margins),
                "risks": list(self.risks),
            }
        return {"kind": "none"}

    @classmethod
    def from_json(cls, read: dict[str, Any]) -> Calibrator:
        """The calibrator that `to_json` wrote. Raises InputError where it is none."""
        try:
            return cls(
                kind=read["kind"],
                slope=float(read.get("slope", 1.0)),
                intercept=float(read.get("intercept", 0.0)),
                margins=tuple(float(m) for m in read.get("margins", ())),
                risks=tuple(float(r) for r in read.get("risks", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "The calibrator in model.json cannot be read: train the model anew."
            ) from error
