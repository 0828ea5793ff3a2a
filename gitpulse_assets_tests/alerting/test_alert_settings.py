"""What a person may write for the alerts, and what is said of what they may not."""

import pytest

from gitpulse_assets.settings import SettingsError, load_settings

HOOK = "json://127.0.0.1/s3cret"


@pytest.fixture(autouse=True)
def no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_addresses_are_split_at_spaces_and_never_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GITPULSE_ALERT_URLS", f"{HOOK}?a=1,2  slack://s3cret/b/c\n")
    settings = load_settings()
    assert [url.get_secret_value() for url in settings.alert_urls] == [f"{HOOK}?a=1,2", "slack://s3cret/b/c"]
    assert "s3cret" not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GITPULSE_ALERT_URLS", f"{HOOK} s3cret", "for example slack://"),
        ("GITPULSE_ALERT_REPEAT_HOURS", "daily", "for example 20"),
        ("GITPULSE_FRESHNESS_HOURS", "0", "for example 192"),
        ("GITPULSE_UI_URL", "gitpulse.example.com", "for example https://gitpulse.example.com"),
    ],
)
def test_a_wrong_value_is_refused_by_name_with_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{name}: ")
    assert said in str(refused.value)
    assert "s3cret" not in str(refused.value)
