"""The compiled loops lie on disk: the first answer of a fresh process is not a compile."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pandas as pd

from features import kernel
from features.as_of import features_as_of
from tests.features.rows import AS_OF, histories, rows

_FRESH = """
import pandas as pd
from features.as_of import features_as_of
from features.indices import lace
from features.kernel import answer
from features.stay_kernel import stay_facts
from tests.features.rows import AS_OF, histories, rows
told = histories(rows("encounter", {"started_on": AS_OF}))
index = pd.DataFrame({"patient_id": ["p"], "as_of": [AS_OF]})
features_as_of(told, index)
lace(told, index)
for loop in (answer, stay_facts):
    print(sum(loop.stats.cache_hits.values()), sum(loop.stats.cache_misses.values()))
"""


def test_a_fresh_process_compiles_nothing() -> None:
    index = pd.DataFrame({"patient_id": ["p"], "as_of": [AS_OF]})
    features_as_of(histories(rows("encounter", {"started_on": AS_OF})), index)
    subprocess.run([sys.executable, "-c", _FRESH], check=True, capture_output=True)
    again = subprocess.run([sys.executable, "-c", _FRESH], check=True, capture_output=True)
    assert again.stdout.decode().split() == ["1", "0", "1", "0"], "loaded once each, none compiled"


def test_a_change_of_what_is_compiled_in_makes_the_code_on_disk_stale() -> None:
    rooms = Path(kernel.__file__).parent
    named = ("compiling", "folds", "span_folds", "after_folds", "layout", "window")
    parts = (rooms / f"{name}.py" for name in named)
    now = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
    assert now == kernel.COMPILED_IN, (
        "write the new sum into kernel.py, so that it is compiled anew"
    )
