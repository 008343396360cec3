"""The compiled loops lie on disk: the first answer of a fresh process is not a compile."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd

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
    first = subprocess.run([sys.executable, "-c", _FRESH], check=True, capture_output=True)
    assert first.returncode == 0
    again = subprocess.run([sys.executable, "-c", _FRESH], check=True, capture_output=True)
    assert again.stdout.decode().split() == ["1", "0", "1", "0"], "loaded once each, none compiled"
