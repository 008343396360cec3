"""No code whose title speaks of a sensitive matter is unmarked: every title that the project holds
is read, and what is left unmarked stands in one list with the reason."""

from __future__ import annotations

import re
from functools import cache

import pytest

from data.code_names import icd_titles
from data.codes import drug_class_name
from data.concepts import read_codelist
from data.hcc import HCC_NAMES
from features.definitions.sensitivity import sensitive_concept, sensitive_encounter
from features.event_words import event_words
from features.evidence import sensitive_code
from features.meaning import meanings

FAMILIES = {"ICD9CM": "DX", "ICD10CM": "DX", "ICD9PCS": "PX", "ICD10PCS": "PX"}

WORDS = {
    "substance use": r"alcohol|ethanol|opioid|opiate|\bopium|heroin|cocaine|cannabi|marij|methadone"
    r"|amphetamine|hallucinogen|lysergide|phencyclid|inhalant|fentanyl|tramadol|narcotic|addicti"
    r"|drug (?:abuse|dependence|use\b|withdrawal|rehab)|blood-drug|substance (?:abuse|use|depend)"
    r"|psychoactive|psychostimulant|psychodyslep|detoxif",
    "HIV": r"\bHIV\b|immunodeficiency virus|\bAIDS\b|retrovirus|lymphotropic",
    "violence": r"\brape\b|assault|\bbattered|neglect|maltreat|perpetrator|torture|harassment"
    r"|(?:physical|sexual|psychological|emotional|child|adult|spous\w+|partner)"
    r" (?:and sexual )?abuse"
    r"|sexual exploitation|forced labor",
    "reproductive health": r"abortion|pregnan|contracept|sterili[sz]ation|vasectom|fallopian"
    r"|uterine tube|vas deferens|vasa deferentia|infertil|in vitro fert|inseminat|oocyte|\bova\b"
    r"|obstetric|antepartum|postpartum|puerper|\blabor\b|delivery|gestation|fetal|fetus|childbirth"
    r"|stillb|menstrual extraction|erectile|impotence|sexual|syphili|gonoc|gonorrh|venereal"
    r"|genital herpes|herpesviral infection of (?:urogen|penis)|anogenital herp|trichomon|chlamyd"
    r"|papillomavirus|\bHPV\b|condylom|sex reassign|sex transf|transsex|gender|hermaphrod"
    r"|sex chromosome|products of conception",
    "mental health": r"suicid|self-?harm|self-?inflict|homicidal|psychos[ei]s|psychotic|psychiatr"
    r"|psychother|psychoanal|psychologic|depressi(?:on|ve)|schizo|bipolar|manic|mania\b|commitment"
    r"|electroconvul|electroshock|shock therapy|\bmental\b|anxiety|behaviou?ral (?:dis|prob|syn)"
    r"|emotional|stress disorder|reaction to severe stress|adjustment (?:disorder|reaction)"
    r"|eating disorder|nervosa|bulimi|gambling|autis|attention-deficit|gender|hallucinat|delusion"
    r"|paranoi|personality|phobi|\bpanic|obsessi|compulsi|insomnia|antidepress|antipsychotic"
    r"|psychotropic|neurolept|tranquili|transcranial magnetic",
}
"""What titles say of each matter."""
_SAID = {
    matter: re.compile(words, re.NOFLAG if matter == "HIV" else re.IGNORECASE)
    for matter, words in WORDS.items()
}

ENOUGH = {
    "substance use": {"substance use"},
    "HIV": {"HIV"},
    "violence": {"violence", "substance use"},  # the stricter one
}
"""The marks that will do for a word; for the others any mark will."""


OTHER_SENSE = re.compile(
    r"nonalcoholic|without mention of alcohol|non-?opioid|non-narcotic|cannabinosis"
    r"|neurologic neglect syndrome|spatial neglect|nonvenereal (?:endemic )?syphilis"
    r"|not (?:elsewhere classified|associated with childbirth)|without mention of psychosis"
    r"|collective fear or panic|suicide bomber|cerebral depression"
    r"|fetal (?:hemoglobin|malnutrition)|persistent fetal circulation|harlequin fetus"
    r"|(?:not|except) mental disorders", re.IGNORECASE,
)  # fmt: skip
"""What holds one of the words and means something else."""

DECIDED: dict[str, dict[str, str]] = {
    "substance use": {
        "pain treatment and its safety: opioids (ATC N02A) are told as well":
            "DX/ICD9CM/V145 DX/ICD10CM/Z885 DX/ICD10CM/Z79891",
    },
    "mental health": {
        "dementia is told: a caller must know of it to speak with the patient at all "
        "(`sensitive_diagnosis`), its forms with delusions or depression too":
            "DX/ICD9CM/290 DX/ICD9CM/294 DX/ICD10CM/F01 DX/ICD10CM/F02 DX/ICD10CM/F03 "
            "DX/ICD10CM/F067",
        "developmental disorders are told for the same reason":
            "DX/ICD9CM/V400 DX/ICD9CM/V401 DX/ICD10CM/F88 DX/ICD10CM/F89",
        "what a stroke left behind, in the brain and not in the mind": "DX/ICD10CM/I69",
        "clouded consciousness, a sign of any illness": "DX/ICD9CM/78097 DX/ICD10CM/R4182",
        "sleeplessness that no disorder of the mind is named for":
            "DX/ICD9CM/04672 DX/ICD9CM/3270 DX/ICD9CM/7805 DX/ICD9CM/V695 "
            "DX/ICD10CM/A8183 DX/ICD10CM/G470 DX/ICD10CM/Z738",
        "a burden of life, no illness; told as a social need": "DX/ICD9CM/V6289 DX/ICD10CM/Z566",
    },
    "reproductive health": {
        "the newborn's own illness, on the newborn's own record; what tells of drugs, abortion or "
        "death is marked":
            "DX/ICD9CM/76 DX/ICD9CM/77 DX/ICD9CM/V3 DX/ICD10CM/P DX/ICD10CM/Q861 "
            "DX/ICD9CM/V1522 DX/ICD10CM/Z98871",
        "tumours, malformations, injuries and disorders of organs, and operations on them":
            "DX/ICD9CM/1832 DX/ICD9CM/2210 DX/ICD9CM/7521 DX/ICD10CM/C570 DX/ICD10CM/D282 "
            "DX/ICD10CM/N491 DX/ICD10CM/Q50 DX/ICD10CM/Q55 DX/ICD10CM/S37 DX/ICD10CM/Z4003 "
            "PX/ICD9PCS/63 PX/ICD9PCS/658 PX/ICD9PCS/8795 PX/ICD10PCS/001U",
        "puberty, and a headache":
            "DX/ICD9CM/2590 DX/ICD9CM/2591 DX/ICD9CM/33982 DX/ICD10CM/G4482",
        "infections by kin of the germ, of eye, lung or bowel, that are not caught so":
            "DX/ICD9CM/0073 DX/ICD9CM/07798 DX/ICD9CM/4831 DX/ICD10CM/A70 DX/ICD10CM/A740 "
            "DX/ICD10CM/J160",
        "faults of devices of a department": "DX/ICD10CM/Y76",
    },
}  # fmt: skip
"""Matter → why → how the codes begin that are left unmarked though their titles speak of it."""


def decided(matter: str) -> tuple[str, ...]:
    return tuple(begin for begins in DECIDED.get(matter, {}).values() for begin in begins.split())


def speaks_of(matter: str, title: str) -> bool:
    said = _SAID[matter]
    return bool(said.search(title)) and bool(said.search(OTHER_SENSE.sub(" ", title)))


@cache
def codes() -> dict[str, str]:
    """Event code → title, of all that have one."""
    return {
        f"{family}/{system}/{code}": title
        for system, family in FAMILIES.items()
        for code, title in icd_titles(system).items()
    }


@cache
def marks() -> dict[str, str | None]:
    meanings(list(codes()))  # asked for all at once
    return {code: sensitive_code(code) for code in codes()}


@cache
def left(matter: str) -> dict[str, str]:
    """Event code → title, of all whose title speaks of a matter and that are not marked for it."""
    enough = ENOUGH.get(matter)
    return {
        code: title
        for code, title in codes().items()
        if (marks()[code] not in enough if enough else marks()[code] is None)
        and speaks_of(matter, title)
    }


@pytest.mark.parametrize("matter", WORDS)
def test_whatever_a_title_says_of_a_matter_is_marked_or_decided(matter: str) -> None:
    assert {c: t for c, t in left(matter).items() if not c.startswith(decided(matter))} == {}


def test_each_decision_is_about_something() -> None:
    idle = [
        (matter, begin)
        for matter in DECIDED
        for begin in decided(matter)
        if not any(code.startswith(begin) for code in left(matter))
    ]
    assert idle == []


@pytest.mark.parametrize("phrase", OTHER_SENSE.pattern.split("|")[:4])
def test_a_phrase_of_another_sense_hides_no_word_beside_it(phrase: str) -> None:
    assert speaks_of("HIV", f"{phrase.replace('?', '')} disease with HIV")


def test_all_encounters_of_one_injury_are_marked_alike() -> None:
    """The seventh character of ICD-10-CM tells initial, later or sequela; CCS lacks some."""
    told: dict[str, set[str | None]] = {}
    for code, mark in marks().items():
        system, text = code.split("/")[1:]
        if system == "ICD10CM" and len(text) == 7:
            told.setdefault(text[:6], set()).add(mark)
    assert {stem: found for stem, found in told.items() if len(found) > 1} == {}


def test_self_harm_and_assault_are_where_the_title_says_so_and_nowhere_else() -> None:
    for code, title in codes().items():
        if re.match(r"DX/ICD10CM/T(3[6-9]|[45]\d|6[0-5]|71)", code):
            harm = re.search(r"self-harm|assault|suicid", title, re.IGNORECASE)
            drug = re.match(r"DX/ICD10CM/T(4[023]|384|507|51|5682)", code)
            assert (marks()[code] is not None) >= (harm is not None), (code, title)
            assert harm or drug or marks()[code] is None, (code, title)


def test_the_words_of_its_concepts_name_no_matter_that_a_code_is_not_marked_for() -> None:
    """An event is told by category too (`Evidence.words`)."""
    unmarked = [code for code, mark in marks().items() if mark is None]
    told = {
        event_words(code, float("nan"), meaning.concept)
        for code, those in zip(unmarked, meanings(unmarked), strict=True)
        for meaning in those
    }
    speaking = {said for said in told for matter in WORDS if speaks_of(matter, said)}
    assert speaking == {"short gestation, low birth weight, and fetal growth retardation"}


def test_categories_of_payment_drug_classes_and_places_are_marked_by_their_names() -> None:
    for number, name in HCC_NAMES.items():
        about = [m for m in WORDS if speaks_of(m, name) or (m == "substance use" and "Use" in name)]
        assert bool(about) == (sensitive_concept(f"HCC/{number}") is not None), name
    words = r"contracept|fertil|sex|oestrogen|progest|addict|depress|psych|anxio|hypnot|androg"
    for row in read_codelist("drug_class"):
        name = drug_class_name(row["code"])
        if re.search(words, name, re.IGNORECASE) and row["code"] != "A03C":  # of the bowel
            assert sensitive_code(f"RX/ATC/{row['code']}AA01") is not None, name
    for row in read_codelist("place_of_service"):
        if re.search(r"psychiatr|mental|substance|opioid|birth", row["name"], re.IGNORECASE):
            assert sensitive_encounter("office", None, row["code"], None), row["name"]
    for row in read_codelist("revenue_code"):
        if re.search(r"psychiatr|behaviou?ral|detox|labour|obstet", row["name"], re.IGNORECASE):
            assert sensitive_encounter("office", None, None, row["code"].ljust(4, "0")), row
