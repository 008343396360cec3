"""Small canonical CSV files, written as a person would write them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from data.home import Home

MEMBERS = """record_id,patient_id,birth_on,sex,death_on,known_on
m1,p1,1950-01-01,female,,2020-01-01
m2,p2,1960-02-29,male,,2020-01-01
"""
COVERAGE = """record_id,patient_id,start_on,end_on,payer,product,known_on
c1,p1,2020-01-01,,medicare,,2020-01-01
c2,p2,2020-01-01,2020-12-31,medicare,HMO,2021-01-15
"""


def write(folder: Path, **tables: str | bytes) -> Path:
    """Write member and coverage and whatever is given as `table=text` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, text in {"member": MEMBERS, "coverage": COVERAGE, **tables}.items():
        content = text if isinstance(text, bytes) else text.encode()
        (folder / f"{table}.csv").write_bytes(content)
    return folder


def file_id(folder: Path, name: str) -> str:
    """What source rows call the file: its name, and 8 places of what `sha256sum` says of it."""
    return f"{name}@{hashlib.sha256((folder / name).read_bytes()).hexdigest()[:8]}"


def fingerprint(home: Home) -> dict[str, str]:
    """Every file under `home` with the hash of its bytes."""
    return {
        path.relative_to(home.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.root.rglob("*"))
        if path.is_file()
    }
