"""Words of data in a FHIR string and in Markdown: they stay words."""

import re
from html import unescape

import pytest
from hypothesis import example, given
from markdown_it import MarkdownIt

from serving.ehr.plain_text import markdown, plain, without_addresses
from tests.serving.ehr.people import hostile_texts

RENDERED = MarkdownIt("commonmark").enable(["table", "strikethrough"])
FHIR_STRING = re.compile(r"[ \r\n\t\S]*")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3 visits, 1.5 mg (50%)", "3 visits, 1.5 mg (50%)"),
        (" a \n\t b ", "a b"),
        ("a\x00b\x1b[0m", "a b [0m"),
        ("\u202eabc\u2066d\ufeff", "abcd"),
        ("half \ud800 pair", "half pair"),
        ("👩🏽‍⚕️", "👩🏽‍⚕️"),
        ("x" * 301, "x" * 299 + "…"),
    ],
)
def test_a_plain_text_is_one_line_of_what_can_be_read(text, said):
    assert plain(text) == said


@given(hostile_texts)
def test_a_plain_text_is_a_string_of_fhir_and_can_be_sent(text):
    said = plain(text)
    assert FHIR_STRING.fullmatch(said)
    assert said.encode("utf-8").decode("utf-8") == said
    assert len(said) <= 300
    assert said == said.strip()
    assert plain(said) == said


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2 stays, 12 days in hospital", "2 stays, 12 days in hospital"),
        ("albumin 3.1 g/dL (low)", "albumin 3.1 g/dL (low)"),
        ("12. visit", r"12\. visit"),
        ("- item", r"\- item"),
        ("[a](b)", r"\[a\](b)"),
    ],
)
def test_markdown_is_escaped_where_it_has_to_be(text, written):
    assert markdown(text) == written


@given(hostile_texts)
@example("www.www.example.org")
@example("http://a@b.example?x=1")
@example("1) 2) 3)")
@example("-")
@example("0000000001.")
def test_markdown_is_shown_as_the_very_words_and_nothing_else(text):
    said = without_addresses(plain(text)).strip()
    tokens = RENDERED.parse(f"- {markdown(text)}\n- end")
    kinds = [token.type for token in tokens if token.type != "inline"]
    item = ["list_item_open", "paragraph_open", "paragraph_close", "list_item_close"]
    alone = item if said else ["list_item_open", "list_item_close"]
    assert kinds == ["bullet_list_open", *alone, *item, "bullet_list_close"]
    inline = [token for token in tokens if token.type == "inline"]
    children = inline[0].children or [] if said else []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == said
    paragraph = RENDERED.render(markdown(text))
    assert unescape(re.sub(r"^<p>|</p>\n$", "", paragraph)) == said


@given(hostile_texts)
def test_no_address_is_left_that_a_reader_would_make_a_link_of(text):
    assert not re.search(r"(?i)www\.|://|\S@\S", markdown(text).replace("\\", ""))
