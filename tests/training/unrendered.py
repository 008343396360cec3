"""Trainings whose pictures are composed and not rendered: the pixels of nine pictures take longer
than all else of a small training, and how they look is shown by the tests of the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_SMALLEST = {
    ".png": bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63f8"
        "0f0001010100b138f6140000000049454e44ae426082"
    ),
    ".svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>',
}


@contextmanager
def unrendered(*forms: str) -> Iterator[None]:
    """Each picture that is saved in this block is one empty point, in this process; where `forms`
    are named (".png"), in those alone."""
    from matplotlib.figure import Figure

    rendered = Figure.savefig

    def saved(figure: Figure, path: Path, **more: Any) -> None:
        if path.suffix in (forms or _SMALLEST):
            path.write_bytes(_SMALLEST[path.suffix])
        else:
            rendered(figure, path, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", saved)
        yield
