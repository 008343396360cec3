"""Names of code lists as they stand in the words of features."""

from __future__ import annotations


def plain(name: str) -> str:
    """A list's name as it stands in a sentence: "Hypertension with complications" → lower case."""
    text = name.replace("`", "'").replace("; ", ", ").split(" (except")[0].split(" [")[0]
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
