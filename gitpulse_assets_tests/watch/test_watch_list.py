"""What may stand in gitpulse.yaml and GITPULSE_REPOS, and what is said of what may not."""

from pathlib import Path

import pytest

from gitpulse_assets.repo import Repo
from gitpulse_assets.settings import Settings, SettingsError, load_settings
from gitpulse_assets.watch.watch_list import RepoOptions, watch_list
from gitpulse_assets_tests.conftest import forget_settings

FILE = """\
defaults:
  overlap_minutes: 15
  bots: [Stale-Robot]
repositories:
  - microsoft/onnxruntime
  - name: Rust-Lang/rust
    overlap_minutes: 0
  - apache/arrow-*
organizations:
  - apache
  - name: pallets
    include: ["f*", "click"]
    exclude: ["*-extensions"]
    bots: []
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_file_and_variable_nothing_is_watched():
    assert watch_list(load_settings()).is_empty


def test_the_variable_adds_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "gitpulse.yaml").write_text(FILE)
    monkeypatch.setenv("GITPULSE_REPOS", "psf/requests django/* rust-lang/RUST")
    wanted = watch_list(load_settings())
    assert wanted.origins == {
        Repo("microsoft", "onnxruntime"): "gitpulse.yaml",
        Repo("rust-lang", "rust"): "gitpulse.yaml",
        Repo("psf", "requests"): "GITPULSE_REPOS",
    }
    assert [organization.owner for organization in wanted.organizations] == [
        "apache",
        "pallets",
        "apache",
        "django",
    ]


@pytest.mark.parametrize(
    ("repo", "options"),
    [
        (Repo("microsoft", "onnxruntime"), RepoOptions(15, ("stale-robot",))),
        (Repo("rust-lang", "rust"), RepoOptions(0, ("stale-robot",))),
        (Repo("pallets", "flask"), RepoOptions(15, ())),
        (Repo("by", "hand"), RepoOptions(15, ("stale-robot",))),
    ],
)
def test_options_come_from_the_nearest_place(folder: Path, repo: Repo, options: RepoOptions):
    (folder / "gitpulse.yaml").write_text(FILE)
    assert watch_list(load_settings()).options(repo) == options


def test_how_a_repository_is_answered_comes_from_the_nearest_place_too(folder: Path):
    (folder / "gitpulse.yaml").write_text(
        "defaults: {time_zone: Asia/Tokyo, holidays: JP, response_days: 3}\n"
        "repositories: [{name: a/b, waiting_labels: [Awaiting*], holidays: DE-BY}]\n"
    )
    wanted = watch_list(load_settings())
    named = RepoOptions(
        waiting_labels=("Awaiting*",), time_zone="Asia/Tokyo", holidays="DE-BY", response_days=3
    )
    assert wanted.options(Repo("a", "b")) == named
    assert wanted.options(Repo("by", "hand")).holidays == "JP"


@pytest.mark.parametrize("name", ["", "DE-Bayern", "UK", "DEU-BY", "NYSE"])
def test_a_repository_may_follow_any_calendar_or_none(folder: Path, name: str):
    (folder / "gitpulse.yaml").write_text(
        f"defaults: {{holidays: DE}}\nrepositories: [{{name: a/b, holidays: '{name}'}}]\n"
    )
    assert watch_list(load_settings()).options(Repo("a", "b")).holidays == name


@pytest.mark.parametrize(
    ("name", "is_taken"), [("flask", True), ("Click", True), ("flask-extensions", False), ("jinja", False)]
)
def test_patterns_take_and_leave(folder: Path, name: str, is_taken: bool):
    (folder / "gitpulse.yaml").write_text(FILE)
    pallets = watch_list(load_settings()).organizations[1]
    assert pallets.takes(name) is is_taken


@pytest.mark.parametrize(
    ("repo", "is_named"),
    [("rust-lang/rust", True), ("pallets/click", True), ("pallets/jinja", False), ("by/click", False)],
)
def test_a_repository_is_named_by_itself_or_by_its_owners_patterns(folder: Path, repo: str, is_named: bool):
    (folder / "gitpulse.yaml").write_text(FILE)
    assert watch_list(load_settings()).names(Repo.parse(repo)) is is_named


def test_the_variable_names_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "other.yml").write_text("repositories: [a/b]\n")
    monkeypatch.setenv("GITPULSE_CONFIG", "other.yml")
    assert watch_list(load_settings()).repos == [Repo("a", "b")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("repos: [a/b]\n", "gitpulse.yaml:1: repos: extra inputs are not permitted; known are defaults"),
        (
            "repositories:\n  - name: a/b\n    overlap: 5\n",
            "gitpulse.yaml:3: repositories[0].overlap: extra inputs are not permitted; known are overlap_m",
        ),
        (
            "repositories:\n  - {name: a/b, overlap_minutes: ten}\n",
            "gitpulse.yaml:2: repositories[0].overlap_minutes: input should be a valid integer; "
            "for example overlap_minutes: 10",
        ),
        ("repositories:\n- a/b\n- A/B\n", "gitpulse.yaml:3: repositories[1].name: a/b stands here a second"),
        ("repositories:\n- https://github.com/a/b\n", "gitpulse.yaml:2: repositories[0].name: 'https://"),
        ("repositories: a/b\n", "gitpulse.yaml:1: repositories: input should be a valid list; for example"),
        (
            "organizations: [a/b]\n",
            "organizations[0].name: 'a/b' is not an organisation; write its name alone",
        ),
        ("organizations: [a, A]\n", "gitpulse.yaml:1: organizations[1].name: a stands here a second time"),
        ("repositories: [a/b]\nrepositories: [c/d]\n", "gitpulse.yaml:2: repositories: stands here a second"),
        ("repositories: [a/b\n", "gitpulse.yaml:2: "),
        ("- a/b\n", "gitpulse.yaml:1: input should be a valid dictionary"),
        ("repositories:\n- {overlap_minutes: 1}\n", "gitpulse.yaml:2: repositories[0].name: field required"),
        (
            "defaults:\n  time_zone: Mars/Base\n",
            "gitpulse.yaml:2: defaults.time_zone: 'Mars/Base' is no time zone; write its IANA name, as in",
        ),
        (
            "organizations:\n- {name: a, holidays: DE-ZZ}\n",
            "gitpulse.yaml:2: organizations[0].holidays: 'DE-ZZ' is no holiday calendar; write a country",
        ),
        *(
            (
                f"defaults: {{holidays: {name}}}\n",
                f"gitpulse.yaml:1: defaults.holidays: '{name}' is no holiday calendar; write a country",
            )
            for name in ("__class__", "HolidayBase", "Germany", "DE-", "-BY", "de", "NYSE-NY")
        ),
        (
            "defaults: {waiting_labels: ['']}\n",
            "defaults.waiting_labels[0]: string should have at least 1 character; for example waiting",
        ),
        ("defaults: {response_days: -1}\n", "greater than or equal to 0; for example response_days: 2"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(folder: Path, text: str, said: str):
    (folder / "gitpulse.yaml").write_text(text)
    with pytest.raises(SettingsError) as refusal:
        watch_list(load_settings())
    assert said in str(refusal.value)


def test_a_line_for_each_trouble(folder: Path):
    (folder / "gitpulse.yaml").write_text("repositories:\n- a\n- b\n")
    with pytest.raises(SettingsError) as refusal:
        watch_list(load_settings())
    assert [line.split(": ")[0] for line in str(refusal.value).splitlines()] == [
        "gitpulse.yaml:2",
        "gitpulse.yaml:3",
    ]


def test_a_file_that_cannot_be_looked_at_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path) -> bool:
        if path.suffix == ".yaml":
            raise PermissionError(13, "Permission denied", str(path))
        return False

    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setenv("GITPULSE_CONFIG", "/etc/gitpulse/gitpulse.yaml")
    with pytest.raises(
        SettingsError, match=r"^GITPULSE_CONFIG: .* \(Permission denied\); .*chmod -R a\+rX /etc"
    ):
        load_settings()


def test_a_default_file_that_is_not_there_is_none(monkeypatch: pytest.MonkeyPatch, folder: Path):
    defaults = (Path("gitpulse.yaml"), folder / "etc" / "gitpulse.yaml")
    monkeypatch.setattr("gitpulse_assets.watch.watch_list.DEFAULT_FILES", defaults)
    monkeypatch.setenv("GITPULSE_REPOS", "acme/rocket")
    assert list(watch_list(load_settings()).origins) == [Repo("acme", "rocket")]
    (folder / "etc").mkdir()
    (folder / "etc" / "gitpulse.yaml").write_text("repositories: [acme/moon]")
    assert set(watch_list(load_settings()).origins) == {Repo("acme", "rocket"), Repo("acme", "moon")}


def test_a_default_file_in_a_closed_folder_is_told(monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(
        SettingsError, match=r"^GITPULSE_CONFIG: gitpulse.yaml cannot be read \(Permission den"
    ):
        watch_list(Settings())


@pytest.mark.parametrize("value", ["nowhere.yaml", "."])
def test_a_file_that_is_not_there_is_refused_by_the_variable_s_name(
    monkeypatch: pytest.MonkeyPatch, value: str
):
    monkeypatch.setenv("GITPULSE_CONFIG", value)
    with pytest.raises(SettingsError, match=r"^GITPULSE_CONFIG: there is no file .*; for example /etc/"):
        load_settings()
