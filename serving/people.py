"""The people who are scored, as arrays: what `population` finds, one place a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class People:
    """One place a person, ordered by patient_id; what each column is says `population`.

    Days are datetime64[D], NaT where not known; texts are objects, `disposition` None where there
    is none, `left_out` "" where nothing is in the way; the others are bool.
    """

    patient_id: np.ndarray
    known: np.ndarray
    birth_on: np.ndarray
    covered_since: np.ndarray
    discharged_on: np.ndarray
    discharge_seen_on: np.ndarray
    admitted_on: np.ndarray
    disposition: np.ndarray
    died: np.ndarray
    covered: np.ndarray
    in_hospital: np.ndarray
    in_hospice: np.ndarray
    left_out: np.ndarray

    def __len__(self) -> int:
        return len(self.patient_id)

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> People:
        """The people of a frame that `population` answered."""
        disposition = frame["disposition"].astype(object)
        return cls(
            patient_id=frame["patient_id"].to_numpy(dtype=object),
            known=frame["known"].to_numpy(dtype=bool),
            birth_on=_days(frame["birth_on"]),
            covered_since=_days(frame["covered_since"]),
            discharged_on=_days(frame["discharged_on"]),
            discharge_seen_on=_days(frame["discharge_seen_on"]),
            admitted_on=_days(frame["admitted_on"]),
            disposition=disposition.where(disposition.notna(), None).to_numpy(dtype=object),
            died=frame["died"].to_numpy(dtype=bool),
            covered=frame["covered"].to_numpy(dtype=bool),
            in_hospital=frame["in_hospital"].to_numpy(dtype=bool),
            in_hospice=frame["in_hospice"].to_numpy(dtype=bool),
            left_out=frame["left_out"].to_numpy(dtype=object),
        )


def _days(column: pd.Series) -> np.ndarray:
    return column.to_numpy().astype("datetime64[D]")
