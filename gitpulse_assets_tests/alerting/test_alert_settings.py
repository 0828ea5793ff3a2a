"""What a person may write for the alerts, and what is said of what they may not."""

from datetime import UTC, datetime

import pytest

from gitpulse_assets.setting_values.daily_hour import parse_daily_hour
from gitpulse_assets.settings import SettingsError, load_settings

HOOK = "json://127.0.0.1/s3cret"


@pytest.fixture(autouse=True)
def no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("written", "utc_hour"),
    [("8 Europe/Berlin", {"winter": 7, "summer": 6}), ("8:00", {"winter": 8, "summer": 8})],
)
def test_an_hour_is_that_of_its_time_zone_in_winter_and_in_summer(
    monkeypatch: pytest.MonkeyPatch, written: str, utc_hour: dict[str, int]
):
    monkeypatch.setenv("GITPULSE_ANSWER_LIST_AT", written)
    chosen = load_settings().answer_list_at
    assert chosen
    for day, hour in (
        (datetime(2026, 1, 15, tzinfo=UTC), utc_hour["winter"]),
        (datetime(2026, 7, 15, tzinfo=UTC), utc_hour["summer"]),
    ):
        assert chosen.day_due(day.replace(hour=hour - 1, minute=59)) is None
        assert chosen.day_due(day.replace(hour=hour)) == f"{day:%Y-%m-%d}"


def test_where_the_day_is_another_than_in_utc_it_is_that_of_the_time_zone():
    auckland = parse_daily_hour("1 Pacific/Auckland")
    assert auckland.day_due(datetime(2026, 7, 14, 13, 0, tzinfo=UTC)) == "2026-07-15"


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
        ("GITPULSE_ANSWER_LIST_AT", "24", "is no hour of the day (0 to 23)"),
        ("GITPULSE_ANSWER_LIST_AT", "8:30 Europe/Berlin", "for example 8 Europe/Berlin"),
        ("GITPULSE_ANSWER_LIST_AT", "8 Europe/Berlyn", "'Europe/Berlyn' is no time zone"),
        ("GITPULSE_ANSWER_LIST_AT", "8 ../../etc/passwd", "is no time zone"),
        ("GITPULSE_ANSWER_LIST_AT", "8 Europe", "'Europe' is no time zone"),
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
