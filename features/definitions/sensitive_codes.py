"""Codes that are sensitive by themselves, whatever category they are rolled up to.

Categories are too coarse where a sensitive code shares one with others: CCS puts an overdose of
heroin beside one of aspirin, gives ICD-9 procedures and HCPCS none at all, and newer codes often
none. What is sensitive is after the classes that a record is segmented by: HL7 v3 ActCode, value
set InformationSensitivityPolicy (ETH substance use, PSY mental health, HIV, SEX and STD sexual and
reproductive health, SDV sexual assault, abuse and violence); chapters and blocks are those of
ICD-9-CM and ICD-10-CM (CMS and NCHS), sections those of ICD-10-PCS, classes those of WHO's ATC.

- substance use: whatever tells of alcohol or of a drug of dependence, its testing and treatment
  included: 42 CFR Part 2 protects all that would identify somebody as having, or having had, a
  substance use disorder (§ 2.11, § 2.12). Nicotine and caffeine are none (§ 2.11).
- where a code tells of two matters it is given to the stricter one, and one that turns on consent
  is the strictest: fentanyl taken to harm oneself is substance use, so is drug use in pregnancy
- sexually transmitted infections, sexual function and sex development are reproductive health

tests/features/test_sensitive_titles.py holds this to every title that the project has, and names
what is left unmarked, and why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from data.code_forms import in_form
from data.sensitive_matters import Sensitive

_STEMS: dict[str, dict[Sensitive, str]] = {
    "ICD10CM": {
        "substance use":
            "E244 G312 G621 G721 I426 K292 K70 K852 K860 Q860 T51 Y90 "  # alcohol and organs
            "O354 O355 O9931 O9932 "  # chapter 15: pregnancy
            "P0414 P0416 P0417 P043 P044 P0481 P961 P962 "  # chapter 16: the newborn
            "R780 R781 R782 R783 R784 R785 R786 "  # found in blood
            "T40 T423 T424 T43 T507 "  # chapter 19: poisoning
            "Z0283 Z6372 Z714 Z715 Z811 Z813 Z814",  # tests, counselling, in the family
        "HIV": "B333 B973 O987 R75 Z114 Z206 Z226 Z2981 Z717 Z830",
        "reproductive health":
            "A54 A59 A60 A630 A748 A749 B977 R8581 R8582 R8781 R8782 Z113 Z1151 Z202 Z224 "
            "N46 N52 N53 N98 Z70 Z725 "  # sexual function and behaviour, infertility
            "O M830 N35021 P014 P95 T384 T833 Z037 Z32 Z36 Z3A Z5281 Z640 Z793 Z8632 Z875 Z98870 "
            "Q56 Q96 Q97 Q98 Q990 Q991",  # sex development
        "violence":
            "O9A3 O9A4 O9A5 X92 X93 X94 X95 X96 X97 X98 X99 Y00 Y01 Y02 Y03 Y04 Y07 Y08 Y09 "
            "Z044 Z047 Z0481 Z0482 Z5681 Z9141 Z9142",
        "mental health":
            "F070 F0789 F079 F09 G210 G2111 O906 P0415 P041A R440 R441 R442 R443 R4588 Y634 Y843 "
            "Z726 Z7281 Z818",
    },
    "ICD9CM": {
        "substance use":
            "3575 4255 5353 5710 5711 5712 5713 7903 980 E860 "
            "6483 6555 76071 76072 76073 76075 7795 "
            "9650 967 9701 9708 9709 9773 E8500 E8501 E8502 E851 E852 E853 E854 "
            "E9350 E9351 E9352 E9396 E9397 E9401 E9473 E9801 E9802 E9803 "
            "V113 V6141 V6142 V6542 V791",
        "HIV": "0795 79571 V08 V6544",
        "reproductive health":
            "0541 07811 07888 0794 07988 07998 131 7956 79505 79509 79515 79519 79675 79679 "
            "606 60784 7527 7586 7587 75881 7614 7680 7681 7796 99632 "
            "V016 V027 V028 V1221 V1521 V28 V417 V597 V616 V617 V6545 V692 V724 V7381 V7388 "
            "V7398 V745 V890",
        "violence": "E9040 E96 V1541 V1542 V715 V7181",
        "mental health":
            "3020 3101 3108 3109 32702 32715 7801 7992 E8734 E8793 E937 E939 E9408 E9409 "
            "V170 V693",
    },
    "ICD9PCS": {
        "substance use": "9445 9446 9453 9454 946",
        "reproductive health":
            "637 638 6385 6395 645 66 690 695 696 697 6992 72 73 74 75 "
            "8781 8782 8783 8784 8785 8878 9771 9996",
        "mental health": "940 941 942 943 944 945 9926",
    },
    "ICD10PCS": {
        "substance use": "H",
        "reproductive health":
            "1 BY BU3B BU00 BU01 BU02 BU08 BU10 BU11 BU12 BU18 BU40 BU41 BU42 "
            "3027 3E0E 3E0P3Q 3E0P7Q 8E0ZXY1 0UDN 0W4M 0W4N",
        "mental health": "G X0Z0",
    },
    "ATC": {
        # buprenorphine and methadone are told apart from other opioids; naloxone
        "substance use": "N07B N02AE01 N02AC52 V03AB15",
        "HIV": "J05A",
        "reproductive health": "G02A G02B G03 G04BE",
        "mental health": "N05A N05B N05C N06A N06B N06C",
    },
    "LOINC": {
        "substance use":
            "3349-8 3397-7 3879-4 5643-2 8222-2 18390-5 19295-5 19359-9 70150-8",
        "HIV":
            "5220-9 5221-7 5222-5 5223-3 5224-1 5225-8 7917-8 7918-6 7919-4 25836-8 31201-7 "
            "33866-5 53379-4 56888-1 68961-2 69668-2 73905-2 73906-0 75622-1 75666-8 80203-3 "
            "80387-4 83101-6",
        "reproductive health":
            "2106-3 2107-1 2110-5 2111-3 2112-1 2113-9 2114-7 2118-8 2119-6 19080-1 21198-7 "
            "25372-4 45194-8 55869-2",
    },
}  # fmt: skip
"""System → matter → how its codes begin; the longest beginning tells. LOINC (†): the commonest of
drug screens, HIV tests and pregnancy tests, no whole list: the service names no test to anybody but
those of `features.lab_tests`."""

_RANGES: dict[Sensitive, str] = {
    "substance use":
        "H0001-H0030 H0047-H0050 H2034-H2036 G0396-G0397 G0442-G0443 G0480-G0483 G0659-G0659 "
        "G2011-G2011 G2067-G2080 G2086-G2088 G2213-G2213 G2215-G2216 J0570-J0578 J0592-J0592 "
        "J1230-J1230 J2310-J2315 Q9991-Q9992 S0109-S0109 S9475-S9475 T1006-T1012 80305-80377 "
        "82075-82077 99408-99409",
    "HIV":
        "G0432-G0435 G0475-G0475 J0739-J0739 J0741-J0741 J1746-J1746 J1961-J1961 J3485-J3485 "
        "86689-86689 86701-86703 87389-87391 87534-87539 87806-87806 87900-87901 87903-87906",
    "reproductive health":
        "A4261-A4269 H1000-H1011 J1050-J1050 J7294-J7307 S0190-S0191 S0199-S0199 S2260-S2267 "
        "S4005-S4042 S4981-S4989 S4993-S4993 S9208-S9214 01958-01969 11976-11976 55250-55250 "
        "55400-55400 55970-55980 57170-57170 58300-58301 58321-58323 58565-58565 58600-58615 "
        "58670-58671 58970-58976 59000-59899 76801-76828 81025-81025 84702-84704 86592-86593 "
        "86780-86780 87110-87110 87270-87270 87320-87320 87490-87492 87590-87592 87623-87626 "
        "87810-87810 87850-87850",
    "violence": "99170-99170",
    "mental health":
        "H0031-H0046 H2000-H2033 H2037-H2037 G0017-G0018 G0129-G0129 G0176-G0177 G0409-G0411 "
        "G0444-G0444 G0469-G0470 J0400-J0401 J1630-J1631 J1943-J1944 J2358-J2358 J2426-J2427 "
        "J2680-J2680 J2794-J2794 S9480-S9485 90785-90899 96127-96127 96130-96139 97151-97158 "
        "99484-99484 99492-99494",
}  # fmt: skip
"""HCPCS: matter → first and last code of ranges (†). Level II by CMS; of level I (CPT) the numbers
alone, for its names are licensed. No code of HCPCS is named to those who may not see all."""

_SHAPES: dict[str, dict[Sensitive, re.Pattern[str]]] = {
    "ICD10CM": {
        # psychotropics and sedatives taken as prescribed (5: adverse effect, 6: too little) tell
        # what somebody is treated for; psychotropics taken to harm oneself (2)
        "mental health": re.compile(r"T42[34](?:.[56]|[56]X)|T43[0-589](?:.[256]|[256]X)"),
    },
    "ICD10PCS": {
        # whatever is done to the uterine tubes or the vasa deferentia; contraceptive devices
        "reproductive health": re.compile(r"0U.[5-8]|0V.[NPQR]|0[JU][2HPW]..H"),
    },
}
"""Where the place of a character tells: asked first."""

_OF_INTENT = re.compile(r"T(?:3[6-9]|[45]\d|6[0-5]|71).(?:.([1-6])|([1-6])X)")
_INTENTS: dict[str, Sensitive] = {"2": "mental health", "3": "violence"}
"""Poisoning, toxic effects and asphyxiation: the sixth character (the fifth, where the sixth is X)
tells the intent, 2 self-harm and 3 assault (ICD-10-CM, chapter 19)."""


def sensitive_by_code(system: str, code: str) -> Sensitive | None:
    """What makes one code sensitive by itself; None where nothing does, or where the code is
    sensitive by its category alone. The code may be written in any way (`data.code_forms`).

    >>> sensitive_by_code("ICD9PCS", "94.62"), sensitive_by_code("ICD10CM", "T39.1X2A")
    ('substance use', 'mental health')
    >>> sensitive_by_code("ICD10CM", "T40.412A"), sensitive_by_code("ICD10CM", "I50.9")
    ('substance use', None)
    """
    text = in_form(system, code)
    for matter, shape in _SHAPES.get(system, {}).items():
        if shape.match(text):
            return matter
    if system == "HCPCS":
        return _in_range(text)
    matter = _by_beginning(_MATTERS.get(system, {}), text)
    if system == "ICD10CM" and matter != "substance use" and (told := _OF_INTENT.match(text)):
        return _INTENTS.get(told[1] or told[2]) or matter
    return matter


def _by_beginning(stems: Mapping[str, Sensitive], code: str) -> Sensitive | None:
    for length in range(min(len(code), _LONGEST), 0, -1):
        if code[:length] in stems:
            return stems[code[:length]]
    return None


def _in_range(code: str) -> Sensitive | None:
    for first, last, matter in _HCPCS:
        if len(code) == len(first) and code[1:].isdecimal() and first <= code <= last:
            return matter
    return None


def _by_stem(matters: Mapping[Sensitive, str]) -> dict[str, Sensitive]:
    return {stem: matter for matter, stems in matters.items() for stem in stems.split()}


_MATTERS: dict[str, dict[str, Sensitive]] = {
    system: _by_stem(matters) for system, matters in _STEMS.items()
}
_LONGEST = max(len(stem) for stems in _MATTERS.values() for stem in stems)
_HCPCS: list[tuple[str, str, Sensitive]] = [
    (each[:5], each[6:], matter) for matter, ranges in _RANGES.items() for each in ranges.split()
]
