from pathlib import Path

import pytest

from gitpulse_assets.repo import InvalidRepo, Repo
from gitpulse_assets.settings import SettingsError, load_settings
from gitpulse_assets_tests.conftest import forget_settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


def test_defaults_need_no_variable(tmp_path: Path):
    settings = load_settings()
    assert settings.lake_url == str(tmp_path / ".gitpulse" / "lake")
    assert settings.dagster_home == tmp_path / ".gitpulse" / "dagster"
    assert settings.github_graphql_url == "https://api.github.com/graphql"
    assert settings.github_tokens == ()


def test_tokens_are_split_and_never_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_one, ghp_two")
    settings = load_settings()
    assert [token.get_secret_value() for token in settings.github_tokens] == ["ghp_one", "ghp_two"]
    assert "ghp_" not in repr(settings) + str(settings)


@pytest.mark.parametrize("separator", [",", " ", ", ", "\n"])
def test_watch_list_takes_commas_and_spaces(monkeypatch: pytest.MonkeyPatch, separator: str):
    monkeypatch.setenv("GITPULSE_REPOS", separator.join(["Apache/Airflow", "a/.github", "apache/airflow"]))
    assert load_settings().watched_names == ("apache/airflow", "a/.github")


@pytest.mark.parametrize(
    ("api_url", "graphql_url"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://ghe.example.com/api/v3/", "https://ghe.example.com/api/graphql"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/graphql"),
    ],
)
def test_graphql_address_follows_the_rest_address(
    monkeypatch: pytest.MonkeyPatch, api_url: str, graphql_url: str
):
    monkeypatch.setenv("GITHUB_API_URL", api_url)
    assert load_settings().github_graphql_url == graphql_url


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GITHUB_API_URL", "api.github.com", "for example https://"),
        ("GITHUB_API_URL", "https://user:secret@host", "for example https://"),
        ("GITHUB_TOKEN", "ghp one", "write ghp_"),
        ("GITPULSE_REPOS", "https://github.com/a/b", "write owner/name"),
        ("GITPULSE_LAKE_URL", "gs://bucket", "for example s3://"),
        ("GITPULSE_LAKE_URL", "s3://", "for example s3://"),
        ("GITPULSE_LABEL_GROUPS", "bug=(", "for example bug="),
        ("GITPULSE_LAKE_URL", "s3://key:secret@bucket/x", "for example s3://"),
        ("GITHUB_API_URL", "http://a:99999", "for example https://"),
        ("AWS_ENDPOINT_URL", "localhost", "for example http://127.0.0.1:9000"),
        ("GITHUB_APP_ID", "12 34", "for example 123456"),
        ("GITHUB_APP_INSTALLATION_ID", "acme", "for example 12345678"),
        ("GITPULSE_REPOS", "apache/*/x", "write owner/name"),
        ("GITPULSE_PATIENCE_SECONDS", "-1", "greater than or equal to 0; for example 3900"),
        ("GITPULSE_PATIENCE_SECONDS", "soon", "for example 3900"),
        ("GITPULSE_DUCKDB_MEMORY_LIMIT", "lots", "; for example 500MB"),
        ("GITPULSE_RETENTION_DAYS", "-1", "; for example 90"),
        ("GITPULSE_EVENT_RETENTION_DAYS", "push=3", "for example 365 PushEvent=30"),
        ("GITPULSE_API_RATE_PER_MINUTE", "many", "; for example 600"),
        ("GITPULSE_ALERT_REPEAT_HOURS", "0", "; for example 20"),
        ("GITPULSE_FRESHNESS_HOURS", "0", "; for example 192"),
    ],
)
def test_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert str(refusal.value).startswith(f"{name}: ")
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_dot_env_is_read(tmp_path: Path):
    (tmp_path / ".env").write_text("GITPULSE_LAKE_URL=s3://bucket/prefix\n")
    assert load_settings().lake_url == "s3://bucket/prefix"


@pytest.mark.parametrize("text", ["a", "a/", "/b", "a/b/c", "a b/c", "a/..", "ä/b", "-a/b", ""])
def test_what_is_no_repository_name(text: str):
    with pytest.raises(InvalidRepo, match="write owner/name"):
        Repo.parse(text)


@pytest.mark.parametrize("value", [None, "/nowhere/app.pem", "-----secret"])
def test_an_app_needs_its_key(monkeypatch: pytest.MonkeyPatch, value: str | None):
    monkeypatch.setenv("GITHUB_APP_ID", "4711")
    if value:
        monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY", value)
    with pytest.raises(SettingsError, match=r"^GITHUB_APP_PRIVATE_KEY: with .* for example /run"):
        load_settings()


def test_the_key_of_an_app_is_a_text_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("GITHUB_APP_ID", "4711")
    pem = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    (tmp_path / "app.pem").write_text(pem)
    for value in ("app.pem", pem, pem.replace("\n", "\\n")):
        monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY", value)
        settings = load_settings()
        assert settings.github_app_private_key is not None
        assert settings.github_app_private_key.get_secret_value() == pem
        assert "c2VjcmV0" not in repr(settings)


@pytest.mark.parametrize(
    "address",
    [
        "https://:secret@host",
        "https://:@host/secret",
        "https://@host/secret",
        "https://user:secret@host",
        "https://host/#secret",
        "https://host/?token=secret",
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        *("GITHUB_API_URL", "GITHUB_GRAPHQL_URL", "AWS_ENDPOINT_URL"),
        *("GITPULSE_PAGE_URL", "GITPULSE_UI_URL", "GITPULSE_METABASE_URL", "GITPULSE_CORS_ORIGINS"),
    ],
)
def test_15_an_address_with_more_than_a_place_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str
):
    """Addresses are stored in bronze and shown in links: whatever may be a password must not be in one."""
    monkeypatch.setenv(name, address)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert str(refusal.value).startswith(f"{name}: ")
    assert "secret" not in str(refusal.value)
