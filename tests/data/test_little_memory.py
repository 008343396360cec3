from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.data.canonical_fixture import write

LIMIT_MB = 96
ROWS = 750_000
TAKE_IN = """
import json, sys
from pathlib import Path
from data import staging
from data.home import Home
from data.intake import take_in
staging.MEMORY, staging.THREADS = sys.argv[1], 1
report = take_in(Home(Path(sys.argv[2])), "canonical", Path(sys.argv[3]))
found = next(count for count in report.files if count.file == "encounter.parquet")
print(json.dumps([found.read, found.taken_in, found.duplicates, found.rejected,
                  report.rows["encounter"]]))
"""


def test_a_file_larger_than_the_workbench_s_memory_is_taken_in(tmp_path):
    folder = write(tmp_path / "in")
    place = np.arange(ROWS)

    def text(values: np.ndarray, width: int) -> pa.Array:
        return pc.call_function(
            "utf8_lpad",
            [pa.array(values).cast(pa.string())],
            pc.PadOptions(width, "0"),
        )

    def same(word: str) -> pa.Array:
        return pa.repeat(pa.scalar(word), ROWS)

    # out of order, so that all of it is sorted; the last row repeats the number of another patient
    record = place * 7919 % ROWS
    record[-1] = record[0]
    stays = pa.table({
        "record_id": text(record, 80), "patient_id": text(place % 1000, 40),
        "kind": same("office"), "started_on": same("2020-05-01"),
        "facility_id": text(place * 31, 80), "provider_id": text(place * 17, 80),
        "known_on": same("2020-06-01"),
    })  # fmt: skip
    path = folder / "encounter.parquet"
    pq.write_table(stays, path, compression="none", use_dictionary=False, row_group_size=20_000)
    assert path.stat().st_size > 2 * LIMIT_MB * 1_000_000
    done = subprocess.run(
        [sys.executable, "-c", TAKE_IN, f"{LIMIT_MB}MB", str(tmp_path / "home"), str(folder)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts == [ROWS, ROWS - 1, 0, 1, ROWS - 1]
