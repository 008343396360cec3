"""The vocabulary of the invented world: its conditions, stays, drugs, labs and needs, with codes.

Everything here is a declaration. The compiled steps read the arrays at the end of each part, the
tables read the codes. Figures are orders of magnitude from everyday knowledge of the field, tuned
until the population is as hard as a real one (tests/data/test_synthesise_difficulty.py); none is
an estimate from data.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Condition(NamedTuple):
    """A chronic condition. ``yearly`` is its onset rate at 65, ``slope`` the log rate a year of
    age; it needs ``after`` first; ``beget`` multiplies its rate where another condition is there.
    ``admit``, ``back``, ``dies`` shift the log rate of acute stays, the log odds of a return and
    the log rate of death; ``visits`` are its office visits a year."""

    name: str
    code: str
    yearly: float
    slope: float
    after: str
    beget: dict[str, float]
    admit: float
    back: float
    dies: float
    visits: float


CONDITIONS = (
    Condition("hypertension", "I10", 0.050, 0.040, "", {"obesity": 1.5}, 0.04, 0.00, 0.0, 0.6),
    Condition("diabetes", "E119", 0.013, 0.030, "", {"obesity": 2.2}, 0.08, 0.00, 0.1, 0.9),
    Condition("diabetes_complicated", "E1140", 0.045, 0.010, "diabetes", {"obesity": 1.2},
              0.20, 0.14, 0.15, 0.6),
    Condition("heart_failure", "I5022", 0.0035, 0.075, "",
              {"coronary": 2.2, "atrial_fibrillation": 2.0, "hypertension": 1.5, "diabetes": 1.4,
               "kidney": 1.5, "infarction": 1.6}, 0.50, 0.26, 0.45, 1.2),
    Condition("coronary", "I2510", 0.009, 0.050, "",
              {"hypertension": 1.5, "diabetes": 1.6, "peripheral": 1.5}, 0.14, 0.00, 0.1, 0.7),
    Condition("atrial_fibrillation", "I4891", 0.006, 0.070, "",
              {"heart_failure": 2.5, "hypertension": 1.4, "obesity": 1.2}, 0.18, 0.00, 0.1, 0.7),
    Condition("cerebrovascular", "I69398", 0.004, 0.065, "",
              {"hypertension": 1.5, "atrial_fibrillation": 2.0, "diabetes": 1.3},
              0.20, 0.02, 0.2, 0.4),
    Condition("peripheral", "I739", 0.005, 0.050, "",
              {"diabetes": 1.9, "coronary": 1.7}, 0.14, 0.10, 0.15, 0.4),
    Condition("copd", "J449", 0.006, 0.040, "", {"substance": 1.7}, 0.36, 0.24, 0.35, 0.8),
    Condition("kidney", "N183", 0.009, 0.065, "",
              {"hypertension": 1.5, "diabetes": 1.8, "heart_failure": 1.5}, 0.18, 0.08, 0.2, 0.5),
    Condition("dialysis", "N186", 0.005, -0.010, "kidney", {"diabetes_complicated": 1.8},
              0.60, 0.28, 0.9, 0.5),
    Condition("dementia", "F0390", 0.004, 0.120, "", {"cerebrovascular": 1.8, "depression": 1.3},
              0.22, 0.00, 0.7, 0.3),
    Condition("depression", "F329", 0.011, 0.000, "",
              {"substance": 1.8, "cancer": 1.4, "cerebrovascular": 1.4, "heart_failure": 1.3},
              0.18, 0.28, 0.1, 0.8),
    Condition("cancer", "C189", 0.009, 0.045, "", {"obesity": 1.1}, 0.20, 0.16, 0.4, 1.0),
    Condition("metastases", "C7951", 0.035, 0.000, "cancer", {}, 0.65, 0.30, 2.0, 1.0),
    Condition("liver", "K7460", 0.001, 0.010, "", {"substance": 7.0, "diabetes": 1.5},
              0.55, 0.30, 0.9, 0.6),
    Condition("rheumatoid", "M069", 0.0012, 0.015, "", {}, 0.12, 0.05, 0.1, 1.0),
    Condition("substance", "F1020", 0.0025, -0.030, "", {"depression": 2.0, "mental_illness": 2.5},
              0.42, 0.50, 0.4, 0.3),
    Condition("osteoarthritis", "M170", 0.022, 0.025, "", {"obesity": 1.7}, 0.03, -0.05, 0.0, 0.5),
    Condition("anaemia", "D649", 0.007, 0.045, "", {"kidney": 2.5, "cancer": 2.2},
              0.14, 0.05, 0.1, 0.3),
    Condition("mental_illness", "F209", 0.0008, -0.015, "", {"substance": 1.8},
              0.28, 0.42, 0.2, 1.0),
    Condition("obesity", "E669", 0.014, -0.005, "", {}, 0.04, -0.05, 0.0, 0.2),
    Condition("infarction", "I252", 0.004, 0.040, "", {"coronary": 3.0, "diabetes": 1.4},
              0.12, 0.02, 0.2, 0.3),
)  # fmt: skip
CONDITION_NAMES = tuple(c.name for c in CONDITIONS)
CONDITION_COUNT = len(CONDITIONS)
AT = {name: i for i, name in enumerate(CONDITION_NAMES)}

LOG_ONSET = np.log([c.yearly for c in CONDITIONS])
ONSET_SLOPE = np.array([c.slope for c in CONDITIONS])
ONSET_AFTER = np.array([AT.get(c.after, -1) for c in CONDITIONS])
BEGETS = np.zeros((CONDITION_COUNT, CONDITION_COUNT))
for _to, _condition in enumerate(CONDITIONS):
    for _from, _factor in _condition.beget.items():
        BEGETS[AT[_from], _to] = np.log(_factor)
ADMIT_EFFECT = np.array([c.admit for c in CONDITIONS])
BACK_EFFECT = np.array([c.back for c in CONDITIONS])
DEATH_EFFECT = np.array([c.dies for c in CONDITIONS])
VISIT_EFFECT = np.array([c.visits for c in CONDITIONS])


class Reason(NamedTuple):
    """Why somebody is in hospital. ``weight`` is how often among people without ``condition``,
    ``with_it`` among those with it; ``days`` mean stay; ``dollars`` typical allowed amount;
    ``back`` shifts the log odds of a return; ``lethal`` multiplies death in the stay."""

    name: str
    code: str
    procedure: str
    drg: str
    condition: str
    weight: float
    with_it: float
    days: float
    dollars: float
    back: float
    lethal: float


UNPLANNED = (
    Reason("heart failure", "I5033", "", "291", "heart_failure", 0.02, 3.0, 5.0, 10500, 0.20, 1.2),
    Reason("copd", "J441", "", "190", "copd", 0.03, 2.3, 4.2, 8800, 0.14, 0.8),
    Reason("pneumonia", "J189", "", "193", "copd", 0.8, 1.3, 4.8, 9800, 0.04, 1.3),
    Reason("sepsis", "A419", "", "871", "kidney", 1.0, 1.4, 6.4, 16500, 0.12, 3.0),
    Reason("acute kidney failure", "N179", "", "682", "kidney", 0.25, 1.0, 4.5, 9800, 0.12, 1.0),
    Reason("urinary infection", "N390", "", "689", "dementia", 0.45, 0.9, 4.0, 7300, 0.02, 0.5),
    Reason("infarction", "I214", "027034Z", "281", "coronary", 0.25, 0.9, 4.0, 19500, 0.0, 1.5),
    Reason("stroke", "I639", "", "065", "atrial_fibrillation", 0.3, 0.7, 4.8, 13800, -0.08, 2.0),
    Reason("bleeding", "K922", "0DJ08ZZ", "378", "atrial_fibrillation", 0.35, 0.65, 4.0, 10200,
           0.06, 0.8),
    Reason("hip fracture", "S72001A", "0QS604Z", "481", "dementia", 0.3, 0.7, 5.2, 18500, -0.10,
           0.9),
    Reason("chest pain", "R0789", "", "313", "coronary", 0.45, 0.7, 1.8, 5900, -0.28, 0.05),
    Reason("syncope", "R55", "", "312", "", 0.35, 0.35, 2.3, 6400, -0.20, 0.1),
    Reason("obstruction", "K56609", "", "389", "", 0.35, 0.35, 4.9, 10800, -0.05, 0.8),
    Reason("fibrillation", "I4891", "", "309", "atrial_fibrillation", 0.1, 0.9, 3.0, 8200, -0.02,
           0.3),
    Reason("low sodium", "E871", "", "640", "heart_failure", 0.15, 0.3, 3.6, 7400, 0.08, 0.5),
    Reason("dehydration", "E860", "", "641", "dementia", 0.2, 0.45, 3.0, 6300, 0.05, 0.4),
    Reason("cellulitis", "L03115", "", "603", "diabetes", 0.45, 0.7, 4.2, 7900, 0.0, 0.2),
    Reason("respiratory failure", "J9601", "5A1935Z", "189", "copd", 0.25, 0.8, 6.0, 17000, 0.15,
           3.0),
    Reason("diabetes", "E1165", "", "638", "diabetes", 0.0, 0.7, 3.8, 7900, 0.10, 0.3),
    Reason("cirrhosis", "K7460", "", "432", "liver", 0.0, 3.0, 5.5, 12800, 0.15, 2.5),
    Reason("alcohol withdrawal", "F10239", "", "897", "substance", 0.0, 2.0, 4.3, 7300, 0.20, 0.4),
    Reason("depression", "F329", "", "881", "depression", 0.02, 0.2, 6.0, 7600, 0.0, 0.1),
    Reason("psychosis", "F209", "", "885", "mental_illness", 0.0, 1.3, 8.5, 10500, 0.10, 0.1),
    Reason("cancer", "C3490", "", "181", "metastases", 0.0, 1.6, 6.0, 15500, 0.25, 4.0),
    Reason("complication of care", "T8189XA", "", "920", "cancer", 0.2, 0.35, 5.0, 12800, 0.15,
           0.8),
    Reason("anaemia", "D649", "30233N1", "812", "anaemia", 0.1, 0.65, 3.0, 7800, 0.10, 0.4),
    Reason("seizure", "G40909", "", "101", "cerebrovascular", 0.2, 0.45, 3.8, 9200, 0.05, 0.5),
    Reason("pancreatitis", "K8590", "", "439", "substance", 0.25, 0.7, 4.5, 9800, 0.05, 0.7),
    Reason("embolism", "I2699", "", "176", "cancer", 0.25, 0.6, 4.4, 10800, 0.02, 1.5),
)  # fmt: skip
PLANNED = (
    Reason("knee replacement", "M1711", "0SRC0J9", "470", "osteoarthritis", 0.02, 1.5, 2.6, 15500,
           -0.60, 0.1),
    Reason("hip replacement", "M1611", "0SR9019", "470", "osteoarthritis", 0.02, 1.1, 2.8, 16000,
           -0.55, 0.1),
    Reason("bypass graft", "I2510", "021009W", "235", "coronary", 0.0, 0.45, 7.5, 43000, -0.05,
           1.5),
    Reason("coronary stent", "I2510", "027034Z", "247", "coronary", 0.02, 0.8, 1.6, 18500, -0.25,
           0.4),
    Reason("valve replacement", "I350", "02RF08Z", "220", "heart_failure", 0.05, 0.4, 6.0, 46000,
           0.0, 1.5),
    Reason("chemotherapy", "Z5111", "3E03305", "847", "cancer", 0.0, 1.2, 3.4, 12500, 0.15, 0.6),
    Reason("colon resection", "C189", "0DTN0ZZ", "330", "cancer", 0.0, 0.5, 5.5, 23500, -0.05, 1.0),
    Reason("kidney transplant", "N186", "0TY00Z0", "652", "dialysis", 0.0, 1.0, 6.2, 72000, 0.20,
           0.6),
    Reason("carotid endarterectomy", "I6521", "03CK0ZZ", "038", "peripheral", 0.02, 0.5, 2.0, 12500,
           -0.20, 0.5),
    Reason("gallbladder removal", "K8010", "0FT44ZZ", "418", "", 0.18, 0.18, 2.0, 11500, -0.30,
           0.2),
    Reason("spinal fusion", "M48061", "0SG00AJ", "460", "osteoarthritis", 0.06, 0.4, 3.2, 32000,
           -0.25, 0.2),
)  # fmt: skip
REASONS = UNPLANNED + PLANNED
UNPLANNED_COUNT = len(UNPLANNED)
PSYCHIATRIC_REASON = next(i for i, r in enumerate(UNPLANNED) if r.name == "psychosis")
CHEMOTHERAPY = next(i for i, r in enumerate(REASONS) if r.name == "chemotherapy")
REASON_CONDITION = np.array([AT.get(r.condition, -1) for r in REASONS])
REASON_WEIGHT = np.array([r.weight for r in REASONS])
REASON_WITH = np.array([r.with_it for r in REASONS])
REASON_DAYS = np.array([r.days for r in REASONS])
REASON_LOG_CENTS = np.log([r.dollars * 115.0 for r in REASONS])
REASON_BACK = np.array([r.back for r in REASONS])
REASON_LETHAL = np.array([r.lethal for r in REASONS])


class Drug(NamedTuple):
    """A drug: what it is for, how likely it is prescribed at onset, its dollars for 30 days, its
    effect on the log odds of a return (through what it stands for), 1 where it comes in 90 days."""

    code: str
    condition: str
    chance: float
    dollars: float
    back: float
    long: int


DRUGS = (
    Drug("C09AA05", "hypertension", 0.75, 8, 0.0, 1),
    Drug("C10AA05", "coronary", 0.75, 9, 0.0, 1),
    Drug("C07AB02", "coronary", 0.6, 9, 0.0, 1),
    Drug("A10BA02", "diabetes", 0.75, 8, 0.0, 1),
    Drug("A10AE04", "diabetes_complicated", 0.5, 260, 0.14, 0),
    Drug("C03CA01", "heart_failure", 0.75, 7, 0.10, 1),
    Drug("C03DA01", "heart_failure", 0.35, 10, 0.06, 1),
    Drug("B01AF02", "atrial_fibrillation", 0.5, 430, 0.04, 0),
    Drug("B01AA03", "atrial_fibrillation", 0.25, 9, 0.12, 1),
    Drug("B01AC04", "cerebrovascular", 0.6, 10, 0.02, 1),
    Drug("R03BB04", "copd", 0.55, 380, 0.06, 0),
    Drug("R03AC02", "copd", 0.6, 35, 0.04, 0),
    Drug("H02AB06", "copd", 0.12, 12, 0.18, 0),
    Drug("N06DA02", "dementia", 0.45, 14, 0.0, 1),
    Drug("N06AB06", "depression", 0.6, 10, 0.02, 1),
    Drug("N05AH04", "mental_illness", 0.65, 45, 0.06, 0),
    Drug("N02AA05", "osteoarthritis", 0.09, 40, 0.18, 0),
    Drug("L04AB04", "rheumatoid", 0.16, 2600, 0.08, 0),
    Drug("L01EA01", "metastases", 0.3, 3800, 0.10, 0),
    Drug("B03XA01", "dialysis", 0.5, 650, 0.06, 0),
    Drug("A06AD11", "liver", 0.5, 45, 0.08, 0),
    Drug("L01BA01", "rheumatoid", 0.5, 25, 0.02, 1),
)
DRUG_COUNT = len(DRUGS)
DRUG_CONDITION = np.array([AT[d.condition] for d in DRUGS])
DRUG_CHANCE = np.array([d.chance for d in DRUGS])
DRUG_DAY_CENTS = np.array([d.dollars * 100.0 / 30.0 for d in DRUGS])
DRUG_BACK = np.array([d.back for d in DRUGS])
DRUG_LONG = np.array([d.long for d in DRUGS])


class Lab(NamedTuple):
    """A laboratory test: typical value, spread between people, spread of one measurement, shift
    for one unit of instability. BNP is on the log scale."""

    loinc: str
    unit: str
    typical: float
    between: float
    within: float
    unstable: float


LABS = (
    Lab("718-7", "g/dL", 13.2, 1.0, 0.35, -0.25),
    Lab("2951-2", "mmol/L", 139.0, 1.8, 1.2, -0.8),
    Lab("2160-0", "mg/dL", 0.95, 0.18, 0.07, 0.05),
    Lab("4548-4", "%", 5.6, 0.35, 0.15, 0.08),
    Lab("42637-9", "pg/mL", 3.6, 0.5, 0.25, 0.22),
    Lab("1751-7", "g/dL", 3.95, 0.28, 0.12, -0.12),
)
LAB_COUNT = len(LABS)
HAEMOGLOBIN, SODIUM, CREATININE, HBA1C, BNP, ALBUMIN = range(LAB_COUNT)
LAB_TYPICAL = np.array([lab.typical for lab in LABS])
LAB_BETWEEN = np.array([lab.between for lab in LABS])
LAB_WITHIN = np.array([lab.within for lab in LABS])
LAB_UNSTABLE = np.array([lab.unstable for lab in LABS])
LAB_SHIFT = np.zeros((CONDITION_COUNT, LAB_COUNT))
for _name, _lab, _shift in (
    ("anaemia", HAEMOGLOBIN, -2.3), ("kidney", HAEMOGLOBIN, -0.5), ("cancer", HAEMOGLOBIN, -0.4),
    ("dialysis", HAEMOGLOBIN, -0.6), ("heart_failure", SODIUM, -1.2), ("liver", SODIUM, -1.2),
    ("kidney", CREATININE, 0.65), ("dialysis", CREATININE, 4.2), ("diabetes", HBA1C, 1.3),
    ("diabetes_complicated", HBA1C, 0.8), ("heart_failure", BNP, 2.0),
    ("atrial_fibrillation", BNP, 0.7), ("kidney", BNP, 0.4), ("liver", ALBUMIN, -0.35),
    ("cancer", ALBUMIN, -0.12), ("metastases", ALBUMIN, -0.2), ("dementia", ALBUMIN, -0.12),
    ("dialysis", ALBUMIN, -0.2),
):  # fmt: skip
    LAB_SHIFT[AT[_name], _lab] = _shift

NEEDS = (("housing", "Z590"), ("food", "Z594"), ("transport", "Z5982"), ("isolation", "Z602"))
NEED_COUNT = len(NEEDS)
HOUSING, FOOD, TRANSPORT, ISOLATION = range(NEED_COUNT)
NEED_BACK = np.array([0.60, 0.28, 0.40, 0.35])

EMERGENCY_CODES = ("R079", "R109", "S0990XA", "M549", "R42", "N390", "J069", "S93409A", "R112")
OFFICE_CODES = ("Z0000", "J069", "M549", "Z1231", "R5383", "H2513", "R05", "L309")
