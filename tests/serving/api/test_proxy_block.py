"""The proxy of README.md, which was tried with a real nginx: what it must not lose."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serving.api.bodies import BODY_SECONDS, LARGEST_BODY

README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
STEP = README[README.index("- **TLS** comes from a proxy") :].partition("\nA night that")[0]
SERVER, LOCATION = STEP.split("```")[1].split("location / {")


def directives(block: str) -> set[str]:
    """Each directive with single blanks and without its semicolon."""
    return {" ".join(line.split()) for line in re.findall(r"^\s*([^{};]+);", block, re.MULTILINE)}


def test_no_log_of_the_proxy_holds_a_request() -> None:
    """At any lower level nginx writes request lines: at error when the service is down, at crit
    when a body cannot be kept, at alert when its connections run out."""
    told = directives(SERVER)
    assert "access_log off" in told
    [errors] = [one for one in told if one.startswith("error_log ")]
    assert errors.endswith(" emerg")
    assert not any("_log" in one for one in directives(LOCATION))


def test_no_body_lies_on_the_disk_of_the_proxy() -> None:
    told = directives(LOCATION)
    assert {"proxy_request_buffering off", "proxy_max_temp_file_size 0"} <= told
    assert f"client_max_body_size {LARGEST_BODY // 2**20}m" in directives(SERVER)
    assert f"{BODY_SECONDS} seconds" in STEP


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "$host"),
        ("X-Forwarded-For", "$remote_addr"),  # in place of what the client said, not behind it
        ("X-Forwarded-Proto", "$scheme"),
    ],
)
def test_who_asks_and_how_is_said_by_the_proxy_and_not_by_the_client(
    header: str, value: str
) -> None:
    told = [one for one in directives(LOCATION) if one.startswith(f"proxy_set_header {header} ")]
    assert told == [f"proxy_set_header {header} {value}"]


def test_the_step_names_what_the_service_has_to_be_told() -> None:
    name = re.search(r"server_name (\S+);", SERVER)
    assert name is not None
    assert f"FIRSTCALL_HOSTS={name[1]}" in STEP
    assert f'public_url = "https://{name[1]}"' in STEP
