"""service.toml: defaults, and one sentence about the first thing that is wrong."""

import pytest

from data.errors import InputError
from data.home import Home
from serving.settings import ServiceSettings, read_settings, settings_of
from serving.sight import ON_CONSENT


def test_a_home_without_a_file_has_the_defaults(tmp_path) -> None:
    settings = read_settings(Home(tmp_path))
    assert settings == ServiceSettings()
    assert not settings.silent
    assert settings.on_consent == ON_CONSENT == ("substance use",)
    assert settings.sign_in.wrong_in_a_row == 5


def test_a_file_says_what_it_says(tmp_path) -> None:
    (tmp_path / "service.toml").write_text(
        """
        silent = true
        time_zone = "America/Chicago"
        on_consent = ["substance use", "mental health"]
        page_url = "https://firstcall.hospital.example/"
        [rates]
        person_per_minute = 30
        [sign_in.sessions]
        idle_minutes = 15
        [open_id]
        issuer = "https://id.hospital.example/realm"
        audience = "firstcall"
        roles = {nurse = "case_manager"}
        [[cds_clients]]
        issuer = "https://ehr.hospital.example"
        jwks_url = "https://ehr.hospital.example/jwks"
        """
    )
    settings = read_settings(Home(tmp_path))
    assert settings.silent
    assert str(settings.zone) == "America/Chicago"
    assert settings.page_url == "https://firstcall.hospital.example"
    assert (settings.rates.person_per_minute, settings.rates.service_per_minute) == (30, 60_000)
    assert settings.sign_in.sessions.idle_minutes == 15
    assert settings.open_id is not None
    assert settings.cds_clients[0].issuer == "https://ehr.hospital.example"


OPEN_ID = {"issuer": "https://id.example", "audience": "a", "roles": {"nurse": "case_manager"}}
WRONG = [
    ({"silnt": True}, "service.toml: silnt: is no setting."),
    ({"rates": {"person": 1}}, "service.toml: rates.person: is no setting."),
    ({"rates": {"person_per_minute": 0}}, "service.toml: rates.person_per_minute: "),
    ({"time_zone": "Chicago"}, "service.toml: time_zone: names no time zone"),
    ({"page_url": "firstcall"}, "service.toml: page_url: must be an address"),
    ({"on_consent": ["dentistry"]}, "service.toml: on_consent.0: "),
    ({"silent": "perhaps"}, "service.toml: silent: "),
    *(
        ({"registry": {"uri": uri}}, "service.toml: registry.uri: must be the https address of an ")
        for uri in (
            "mlflow.example", "mlflow.example:5000", "sqlite:///x", "file:///models", "",
            "http://mlflow.example", "http://bob:hunter2@mlflow.example", "http://10.0.0.7:5000",
            "http://127.0.0.1@mlflow.example", "https://", "https://[::1", "ftp://localhost",
        )
    ),
    ({"open_id": OPEN_ID | {"issuer": "http://id.example"}},
     "service.toml: open_id.issuer: must be an https address"),
    ({"open_id": OPEN_ID | {"client_id": "c"}}, "service.toml: page_url must say where people"),
    *(
        ({"open_id": OPEN_ID | {"client_id": "c"}, "page_url": url},
         "service.toml: page_url must be an https address without a path")
        for url in ("http://firstcall.example", "https://firstcall.example/under",
                    "https://firstcall.example?a=b", "https://bob@firstcall.example")
    ),
    ({"open_id": OPEN_ID | {"client_secret_file": "s"}},
     "service.toml: open_id: client_secret_file is of no use without client_id"),
    ({"open_id": OPEN_ID | {"scopes": ["roles"]}},
     "service.toml: open_id: scopes must hold openid"),
    ({"open_id": OPEN_ID | {"scopes": ["openid roles"]}}, "service.toml: open_id.scopes.0: "),
    ({"registry": {"uri": "https://mlflow.example/?a=b"}}, "service.toml: registry.uri: must be an "
                                                           "address without ? and #"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("https://mlflow.example/", "https://mlflow.example"),
        ("https://bob:word@mlflow.example/under", "https://bob:word@mlflow.example/under"),
        ("http://localhost:5000", "http://localhost:5000"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_a_registry_is_reached_by_https_or_on_this_very_machine(uri, kept) -> None:
    registry = settings_of({"registry": {"uri": uri}}).registry
    assert registry is not None
    assert registry.uri == kept


@pytest.mark.parametrize(("told", "said"), WRONG)
def test_the_first_thing_that_is_wrong_is_told_by_its_place(told, said) -> None:
    with pytest.raises(InputError) as refused:
        settings_of(told)
    assert str(refused.value).startswith(said)
    assert str(refused.value).count("\n") == 0
    assert "hunter2" not in str(refused.value)


def test_what_is_no_toml_is_refused(tmp_path) -> None:
    (tmp_path / "service.toml").write_text("silent = ")
    with pytest.raises(InputError, match=r"service\.toml cannot be read as TOML"):
        read_settings(Home(tmp_path))
