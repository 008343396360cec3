"""Suggestions to reasons: one a concept, worded as a suggestion, changeable by the site."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from data.home import Home
from features.definitions import FEATURES
from serving.next_step_table import TABLE
from serving.next_steps import SHIPPED, NextSteps, actionable_concepts, laid_over, suggestion

FOLLOW_UP = "follow-up after the last discharge"


def test_every_concept_that_could_be_acted_on_has_a_suggestion_and_no_other_has():
    assert set(SHIPPED) == {one.concept for one in FEATURES if one.actionable}
    assert actionable_concepts() == set(SHIPPED)


def test_the_table_tells_each_concept_once():
    lines = [line for line in TABLE.splitlines() if line and line[0] not in " #"]
    assert len(lines) == len(set(lines)) == len(SHIPPED)


_CAUSAL = re.compile(
    r"because|caus|due to|lead|led to|result in|will|must|prevent|reduc|lower the|improv|avoid|"
    r"\bso that\b|ensur",
    re.IGNORECASE,
)


@pytest.mark.parametrize("concept", sorted(SHIPPED))
def test_every_shipped_suggestion_is_one(concept):
    words = SHIPPED[concept]
    assert suggestion(concept, words) == words
    assert words.startswith("Consider ")
    assert words.endswith(".")
    assert len(words) <= 120
    assert not _CAUSAL.search(words)


def test_a_missed_follow_up_suggests_a_visit_within_7_days():
    assert SHIPPED[FOLLOW_UP] == "Consider booking a follow-up visit within 7 days."


def of(tmp_path, text):
    (tmp_path / "next_steps.toml").write_text(text, encoding="utf-8")
    return NextSteps.of(Home(tmp_path))


def test_without_a_file_the_shipped_table_is_used(tmp_path):
    steps = NextSteps.of(Home(tmp_path))
    assert steps.next_step(FOLLOW_UP) == SHIPPED[FOLLOW_UP]
    assert steps.next_step("age") is None


def test_a_site_changes_one_takes_one_away_and_keeps_the_others(tmp_path):
    steps = of(
        tmp_path, '[next_steps]\n"missed appointments" = "Consider a taxi."\n"INR" = false\n'
    )
    assert steps.next_step("missed appointments") == "Consider a taxi."
    assert steps.next_step("INR") is None
    assert steps.next_step(FOLLOW_UP) == SHIPPED[FOLLOW_UP]
    assert len(steps.by_concept) == len(SHIPPED) - 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[next_steps]\n"mised appointments" = "Consider a taxi."',
         "'mised appointments' is no concept that could be acted on; did you mean missed appoint"),
        ('[next_steps]\n"age" = "Consider a call."', "'age' is no concept that could be acted on"),
        ('[next_steps]\n"zzzz" = false', "`firstcall features list` tells them"),
        ('[next_steps]\n"INR" = true', "must be a text, or false for none"),
        ('[next_steps]\n"INR" = 3', "must be a text, or false for none"),
        ('[next_steps]\n"INR" = "Book a test."', 'must begin with "Consider" and say what'),
        ('[next_steps]\n"INR" = "Consider "', 'must begin with "Consider" and say what'),
        ('[next_steps]\n"INR" = ""', 'must begin with "Consider"'),
        ('[next_steps]\n"INR" = "Consider a\\nvisit now."', "one line of at most 120 characters"),
        (f'[next_steps]\n"INR" = "Consider {"x" * 120}"', "one line of at most 120 characters"),
        ('[step]\n"INR" = false', "'step' is unknown; under [next_steps]"),
        ("next_steps = 3", "next_steps is no table"),
        ("[next_steps", "cannot be read as TOML"),
    ],
)  # fmt: skip
def test_a_table_that_is_wrong_is_refused_in_one_sentence(tmp_path, text, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)) as refused:
        of(tmp_path, text)
    assert str(refused.value).startswith("next_steps.toml")
    assert "\n" not in str(refused.value).strip()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Consider a visit, because the risk is high.", "because"),
        ("Consider a visit: it causes fewer readmissions.", "causes"),
        ("Consider a visit due to the fall.", "due to"),
        ("Consider a visit, which will help.", "will"),
        ("Consider a visit, which reduces the risk.", "reduces"),
        ("Consider a visit, which prevents a readmission.", "prevents"),
        ("Consider a visit; falls LEAD TO readmissions.", "LEAD TO"),
        ("Consider that the patient must be called.", "must"),
    ],
)
def test_what_says_a_cause_a_promise_or_an_order_is_refused_by_that_word(words, said):
    with pytest.raises(InputError, match=f"says '{said}'"):
        suggestion("INR", words)


@given(st.sampled_from(sorted(SHIPPED)), st.text(max_size=130))
def test_whatever_stands_in_a_table_is_taken_whole_or_refused(concept, words):
    try:
        table = laid_over({"next_steps": {concept: words}})
    except InputError:
        return
    assert table == {**SHIPPED, concept: words}
    assert words.startswith("Consider ")
