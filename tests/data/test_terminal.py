"""What a terminal would obey is not printed."""

from __future__ import annotations

import pytest

from data.terminal import say, table


def test_what_a_terminal_obeys_is_shown_as_a_question_mark(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say("one\ntwo \x1b[2Jthree\x07 \u202e four\xa0é", "\ud800")
    table("a \x9bc title", ("column",), [("\x1b]0;owned\x07\r",), ("fine",)])
    shown = capsys.readouterr().out
    assert "one\ntwo ?[2Jthree? ? four\xa0é\n?\n" in shown
    assert "a ?c title" in shown
    assert "?]0;owned??" in shown
    assert all(c.isprintable() or c in "\n\xa0" for c in shown)


def test_a_name_wider_than_its_column_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    name = "x" * 150 + "-the-end.csv"
    table("files", ("file", "rows"), [(name, 7)], right=(1,))
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert name in "".join(line.split()[0] for line in shown.splitlines() if "x" in line)
