"""CMS DE-SynPUF 2008 to 2010: all five kinds of file, or summaries with any of the others.

The files are a synthetic extract without dates of receipt, so everything about *known* is declared
here, in DELAYS and below. None of it is a finding.

- A stay's admission and discharge are taken as known the same day, as from an admissions feed
  that DE-SynPUF does not hold; without this nobody could be scored at discharge. The admitting
  diagnosis is known with the admission and has no position. DRG, diagnoses, procedures and
  payment come with the claim, 30 days after its last day; other claims likewise; a drug event 7
  days after the fill.
- A yearly summary is known when its year has ended: chronic flags and yearly amounts happen and
  are known on 31 December.
- Death is given by month (the first of it). The last day of that month is taken, so that nobody is
  dead before he died, and it is known 30 days later.
- Months of coverage: the larger of hospital and medical insurance months. Which months is not
  given: a year that starts someone's coverage holds them at its end, every other at its start;
  coverage ends with death. Years without a gap between them are one span, known from its first
  day, its end 30 days after it. The product, from the HMO months, is known when its year has ended.
- Person and state are known from 1 January of the first summary, changes from that of theirs.
- Kind of stay: from places 3 to 6 of the provider number (CMS certification number). The last two
  are scrambled in DE-SynPUF, so ranges go by the first two; a letter names a unit of a hospital.
- Segment 2 of a claim adds its codes and its payment to the stay or visit that segment 1 makes.
- Emergency: HCPCS 99281 to 99285, hospital and physician claims alike. Observation: G0378, G0379,
  99217 to 99220, 99224 to 99226, 99234 to 99236. Office: 99201 to 99215, consultations 99241 to
  99245, preventive visits 99381 to 99397, G0402, G0438, G0439. A claim with several is the first
  of observation, emergency, office (as in `data.encounter_kinds`). Else an outpatient claim is an
  outpatient visit, a carrier claim `other`.
- Allowed amount of a claim: payment, the patient's deductibles and coinsurance and the primary
  payer's payment; of a carrier claim its lines' allowed charges; of a drug event its total cost.
  Yearly amounts: reimbursement, patient's responsibility and primary payer, by setting. They cover
  what claims cover too, and count negative amounts as they are: never add claims and years up.
- Procedure fields often hold diagnosis codes: they are kept, and counted as unknown procedures.
- There is no revenue code, no place of service, no disposition, no admission type, no specialty,
  no prescriber, no missed appointment, no laboratory result, no screening and no outreach.
"""

from __future__ import annotations

import re
from pathlib import Path

from data.errors import InputError
from data.physical_lines import read_header
from data.sources import Delivery, FileKind, SourceFile, own_file
from data.sources.synpuf.claims import claim_rows
from data.sources.synpuf.files import CARRIER, DELAYS, INPATIENT, OUTPATIENT, PRESCRIPTION, SUMMARY
from data.sources.synpuf.summaries import summary_rows

_PATTERNS: tuple[tuple[re.Pattern[str], FileKind], ...] = (
    (re.compile(r".*(\d{4})_Beneficiary_Summary_File.*\.csv", re.I), SUMMARY),
    (re.compile(r".*Inpatient_Claims.*\.csv", re.I), INPATIENT),
    (re.compile(r".*Outpatient_Claims.*\.csv", re.I), OUTPATIENT),
    (re.compile(r".*Carrier_Claims.*\.csv", re.I), CARRIER),
    (re.compile(r".*Prescription_Drug_Events.*\.csv", re.I), PRESCRIPTION),
)


def deliver(from_dir: Path) -> Delivery:
    """The DE-SynPUF files in `from_dir`. Raises InputError for no file or a missing column."""
    files = [
        _source_file(own_file(from_dir, path), kind, match)
        for path in sorted(from_dir.iterdir())
        for pattern, kind in _PATTERNS
        if path.is_file() and (match := pattern.fullmatch(path.name))
    ]
    if not files:
        raise InputError(
            f"{from_dir} holds no DE-SynPUF file; put files there under the names that CMS gave "
            "them, such as DE1_0_2008_Beneficiary_Summary_File_Sample_1.csv"
        )
    return Delivery(
        source="synpuf",
        origin="public_synthetic",
        kinds=(SUMMARY, INPATIENT, OUTPATIENT, CARRIER, PRESCRIPTION),
        files=tuple(files),
        derived=(*summary_rows(), *claim_rows()),
        run_out_days=30,  # a claim is known 30 days after its end, see DELAYS
        cost_covers="year",
        data_through=f"SELECT make_date(max(summary_year)::INTEGER, 12, 31) FROM in_{SUMMARY.name}",
        obligatory={
            SUMMARY.name: "there is no Beneficiary_Summary_File; a first intake needs one a year"
        },
        delays=DELAYS,
    )


def _source_file(path: Path, kind: FileKind, match: re.Match[str]) -> SourceFile:
    spelled = {name.upper(): name for name in read_header(path, path.name, kind.contract.names)}
    constants = {"summary_year": match[1]} if kind is SUMMARY else {}
    columns = {}
    for name in kind.contract.names:
        if name in constants:
            continue
        if name not in spelled:
            raise InputError(f"{path.name} has no column {name}; take the file as CMS publishes it")
        columns[name] = spelled[name]
    return SourceFile(path, path.name, kind, columns, constants)
