"""The event codes that histories hold, each known by its place."""

from __future__ import annotations


class Vocabulary:
    """Event codes in the order of their numbers: an event's `code` is a place in `codes`.

    All shards of opened histories share one. Two vocabularies are equal only where they are the
    same object, so that whatever was worked out for one can be kept beside it (weakly, too).
    """

    __slots__ = ("__weakref__", "codes")

    def __init__(self, codes: list[str]) -> None:
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)
