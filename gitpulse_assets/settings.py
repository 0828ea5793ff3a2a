"""Every environment variable GitPulse reads, once: its name, meaning, unit and default.

The names are a contract with users' scripts. What a value is used for belongs elsewhere; here it is
read, checked and refused with a line that says which variable is wrong, why, and what a right one is.
"""

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from gitpulse_assets.chosen import ENV_FILE, ChosenSubjects
from gitpulse_assets.lake.file_address import folder_of, is_file_address
from gitpulse_assets.repo import InvalidRepo, Repo
from gitpulse_assets.setting_values.archives import Archive, parse_archives
from gitpulse_assets.setting_values.daily_hour import DailyHour, parse_daily_hour
from gitpulse_assets.setting_values.event_ages import EventAges, parse_event_ages
from gitpulse_assets.setting_values.label_groups import DEFAULT_LABEL_GROUPS, LabelGroup
from gitpulse_assets.texts.text_file import NotText, read_text

DEFAULT_HOME = Path(".gitpulse")
BATCH_SIZE = 50

# Where pydantic says what is wrong, a right value follows: one of these, else the field's default.
EXAMPLES = {"GITHUB_APP_ID": "123456", "GITHUB_APP_INSTALLATION_ID": "12345678"}

EXAMPLE_ADDRESSES = {
    "github_api_url": "https://github.example.com/api/v3",
    "github_graphql_url": "https://github.example.com/api/graphql",
    "aws_endpoint_url": "http://127.0.0.1:9000",
    "metabase_url": "http://127.0.0.1:3001",
    "ui_url": "https://gitpulse.example.com",
    "page_url": "https://backlog.example.com",
}


class SettingsError(Exception):
    """A variable has a value that cannot be used; str() is the line a person needs."""


def http_url(value: str, example: str) -> str:
    """The address without a slash at its end; raises ValueError with the example."""
    parts = urlsplit(value)
    is_usable = parts.scheme in {"http", "https"} and parts.hostname and has_port(value)
    # A user or password may be empty; either makes the other count.
    if not is_usable or "@" in parts.netloc or set("?#") & set(value):
        raise ValueError(
            f"{shown(value)} is not an http(s) address without user, query and fragment; "
            f"for example {example}"
        )
    return value.rstrip("/")


def shown(address: str) -> str:
    """The address for a message, unless it may hold a secret."""
    return "the value" if set("@?#") & set(address) else repr(address)


def has_port(value: str) -> bool:
    """Say whether the address names no port or one that exists."""
    try:
        return urlsplit(value).port != 0
    except ValueError:
        return False


def absolute_lake_url(value: str) -> str:
    """Return a folder as an absolute path, and an s3:// address as it is."""
    if is_file_address(value):
        return str(folder_of(value))
    scheme, separator, rest = value.partition("://")
    if not separator:
        return str(Path(value).expanduser().absolute())
    if scheme == "s3" and re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,62}(/.*)?", rest):
        return value.rstrip("/")
    raise ValueError(
        f"{shown(value)} is neither a folder nor s3://bucket/prefix; for example s3://my-bucket/gitpulse"
    )


class Settings(ChosenSubjects):
    """The values in force, read from the environment and from `.env` in the working directory."""

    github_tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), validation_alias="GITHUB_TOKEN", description="One or more tokens, separated by commas."
    )
    github_api_url: str = Field(
        default="https://api.github.com",
        validation_alias="GITHUB_API_URL",
        description="Root of the REST API.",
    )
    github_graphql_url: str = Field(
        default="",
        validate_default=True,
        validation_alias="GITHUB_GRAPHQL_URL",
        description="GraphQL address; derived unless set.",
    )
    github_app_id: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]*$",
        validation_alias="GITHUB_APP_ID",
        description="A GitHub App to authenticate as, by its id or client id.",
    )
    github_app_private_key: SecretStr | None = Field(
        default=None,
        validate_default=True,
        validation_alias="GITHUB_APP_PRIVATE_KEY",
        description="The App's private key: the PEM text or the path of its file.",
    )
    github_app_installation_id: int | None = Field(
        default=None,
        ge=1,
        validation_alias="GITHUB_APP_INSTALLATION_ID",
        description="The installation to use for all repositories; else that of each owner.",
    )
    patience_seconds: float = Field(
        default=3900,
        ge=0,
        le=86_400,
        validation_alias="GITPULSE_PATIENCE_SECONDS",
        description="Longest wait for one of GitHub's limits; an hourly limit resets within 3,600.",
    )
    watched_names: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        validation_alias="GITPULSE_REPOS",
        description="Added to the watch list: owner/name or owner/pattern*, by commas or spaces.",
    )
    watch_file: Path | None = Field(
        default=None,
        validation_alias="GITPULSE_CONFIG",
        description="The watch list's file; else ./gitpulse.yaml or /etc/gitpulse/gitpulse.yaml, if there.",
    )
    lake_url: str = Field(
        default=str(DEFAULT_HOME / "lake"),
        validate_default=True,
        validation_alias="GITPULSE_LAKE_URL",
        description="A folder, file:///folder or s3://bucket/prefix.",
    )
    retention_days: int = Field(
        default=90,
        ge=0,
        validation_alias="GITPULSE_RETENTION_DAYS",
        description="Days after which `maintain` thins out raw runs that a full walk has replaced; 0: never.",
    )
    run_retention_days: int = Field(
        default=14,
        ge=0,
        validation_alias="GITPULSE_RUN_RETENTION_DAYS",
        description="Days after which `maintain` deletes what Dagster keeps of runs but the last; 0: never.",
    )
    batch_size: int = Field(
        default=BATCH_SIZE,
        ge=1,
        le=1000,
        validation_alias="GITPULSE_BATCH_SIZE",
        description="Repositories that one run takes, of schedules, sensors and backfills; 1: a run each.",
    )
    requests_at_once: int = Field(
        default=4,
        ge=1,
        le=20,
        validation_alias="GITPULSE_REQUESTS_AT_ONCE",
        description="Requests that a refresh has under way at once, at most; 1: one after the other.",
    )
    archives: Annotated[tuple[Archive, ...], NoDecode] = Field(
        default=(),
        validation_alias="GITPULSE_ARCHIVES",
        description="Archives of public events: name=address first..last, separated by semicolons.",
    )
    is_firehose_polled: bool = Field(
        default=False,
        validation_alias="GITPULSE_FIREHOSE",
        description="Whether GitHub's firehose of public events, a sample, is polled beside the feeds.",
    )
    metrics_file: Path | None = Field(
        default=None,
        validation_alias="GITPULSE_METRICS",
        description="A YAML file with metrics of your own, beside those that come with GitPulse.",
    )
    event_retention: Annotated[EventAges, NoDecode] = Field(
        default_factory=EventAges,
        validation_alias="GITPULSE_EVENT_RETENTION_DAYS",
        description="Days after which `maintain` removes public events, by type: 365 PushEvent=30; 0: never.",
    )
    duckdb_memory_limit: str = Field(
        default="500MB",
        pattern=r"^[1-9][0-9]*(\.[0-9]+)?(MB|GB|MiB|GiB)$",
        validation_alias="GITPULSE_DUCKDB_MEMORY_LIMIT",
        description="What a merge holds in memory before DuckDB writes to disk; a size like 500MB or 2GB.",
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        validation_alias="GITPULSE_API_KEYS",
        description="Keys of which `gitpulse serve` asks one, separated by commas; none: open to everyone.",
    )
    api_rate_per_minute: int = Field(
        default=600,
        ge=0,
        le=1_000_000,
        validation_alias="GITPULSE_API_RATE_PER_MINUTE",
        description="Requests a minute by key, else by address; 0: no limit.",
    )
    trusted_proxies: str = Field(
        default="",
        validation_alias="FORWARDED_ALLOW_IPS",
        description="Addresses of the proxies before `gitpulse serve`, by commas, as uvicorn reads them.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        validation_alias="GITPULSE_CORS_ORIGINS",
        description="Origins whose pages may read the API in a browser, by commas; none: only its own.",
    )
    metabase_url: str = Field(
        default="http://127.0.0.1:3001",
        validation_alias="GITPULSE_METABASE_URL",
        description="The Metabase that `gitpulse metabase` provisions.",
    )
    metabase_email: str = Field(
        default="",
        validation_alias="GITPULSE_METABASE_EMAIL",
        description="An administrator of it; a fresh Metabase gets it as its first user.",
    )
    metabase_password: SecretStr | None = Field(default=None, validation_alias="GITPULSE_METABASE_PASSWORD")
    label_groups: Annotated[tuple[LabelGroup, ...], NoDecode] = Field(
        default=DEFAULT_LABEL_GROUPS,
        validation_alias="GITPULSE_LABEL_GROUPS",
        description="group=pattern pairs in order, separated by semicolons.",
    )
    aws_endpoint_url: str | None = Field(
        default=None,
        validation_alias="AWS_ENDPOINT_URL",
        description="Address of an S3 server other than AWS.",
    )
    aws_access_key_id: str | None = Field(default=None, validation_alias="AWS_ACCESS_KEY_ID")
    aws_secret_access_key: SecretStr | None = Field(default=None, validation_alias="AWS_SECRET_ACCESS_KEY")
    aws_session_token: SecretStr | None = Field(default=None, validation_alias="AWS_SESSION_TOKEN")
    aws_region: str | None = Field(default=None, validation_alias="AWS_REGION")
    aws_default_region: str | None = Field(default=None, validation_alias="AWS_DEFAULT_REGION")
    alert_urls: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        validation_alias="GITPULSE_ALERT_URLS",
        description="Where alerts go: apprise addresses, separated by spaces.",
    )
    alert_repeat_hours: float = Field(
        default=20,
        ge=1,
        le=8760,
        validation_alias="GITPULSE_ALERT_REPEAT_HOURS",
        description="Hours after which an error that goes on is told again; a daily one is told daily.",
    )
    answer_list_at: Annotated[DailyHour | None, NoDecode] = Field(
        default=None,
        validation_alias="GITPULSE_ANSWER_LIST_AT",
        description="Hour and time zone at which who waits for an answer is sent daily; none: never.",
    )
    freshness_hours: float = Field(
        default=192,
        ge=1,
        le=8760,
        validation_alias="GITPULSE_FRESHNESS_HOURS",
        description="Hours after which a repository is stale: the weekly full walk and a day to spare.",
    )
    ui_url: str = Field(
        default="http://127.0.0.1:3000",
        validation_alias="GITPULSE_UI_URL",
        description="Address of Dagster's UI, for the links in alerts.",
    )
    page_url: str = Field(
        default="http://127.0.0.1:8000",
        validation_alias="GITPULSE_PAGE_URL",
        description="Address of `gitpulse serve` for its readers; a path in it is where it is shown.",
    )
    pg_host: str = Field(
        default="",
        validation_alias="DAGSTER_PG_HOST",
        description="PostgreSQL of Dagster's instance; processes share GitHub's budget by it.",
    )
    pg_port: int = Field(default=5432, validation_alias="DAGSTER_PG_PORT")
    pg_user: str = Field(default="gitpulse", validation_alias="DAGSTER_PG_USER")
    pg_password: SecretStr | None = Field(default=None, validation_alias="DAGSTER_PG_PASSWORD")
    pg_db: str = Field(default="gitpulse", validation_alias="DAGSTER_PG_DB")
    dagster_home: Path = Field(
        default=DEFAULT_HOME / "dagster",
        validate_default=True,
        validation_alias="DAGSTER_HOME",
        description="Folder of Dagster's instance: run history, schedules, logs.",
    )

    @field_validator("github_tokens", mode="before")
    @classmethod
    def split_tokens(cls, value: str) -> tuple[str, ...]:
        """Tokens are separated by commas."""
        tokens = tuple(token.strip() for token in value.split(",") if token.strip())
        if not all(re.fullmatch(r"[\x21-\x7e]+", token) for token in tokens):
            raise ValueError("a token has a space or another character no token has; write ghp_…,ghp_…")
        return tokens

    @field_validator("archives", mode="before")
    @classmethod
    def split_archives(cls, value: str) -> tuple[Archive, ...]:
        """Archives are separated by semicolons."""
        return parse_archives(value)

    @field_validator("event_retention", mode="before")
    @classmethod
    def read_event_ages(cls, value: str) -> EventAges:
        """Days of all types, and of single ones."""
        return parse_event_ages(value)

    @field_validator("answer_list_at", mode="before")
    @classmethod
    def read_daily_hour(cls, value: str) -> DailyHour:
        """An hour and a time zone."""
        return parse_daily_hour(value)

    @field_validator("github_app_private_key")
    @classmethod
    def read_private_key(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """The key is PEM text or the name of a file with it; without an App it is left alone."""
        if not info.data.get("github_app_id"):
            return None
        text = value.get_secret_value().replace("\\n", "\n").strip() if value else ""
        try:
            pem = text if text.startswith("-----BEGIN") else Path(text).expanduser().read_text("utf-8")
        except (OSError, ValueError):
            pem = ""
        if not pem.strip().startswith("-----BEGIN"):
            raise ValueError(
                "with GITHUB_APP_ID this must be the App's private key, PEM text or a file that can be read; "
                "for example /run/secrets/gitpulse.pem"
            )
        return SecretStr(pem.strip() + "\n")

    @field_validator("alert_urls", mode="before")
    @classmethod
    def split_alert_urls(cls, value: str) -> tuple[str, ...]:
        """Addresses are separated by spaces; apprise knows their schemes."""
        urls = tuple(value.split())
        if not all(re.match(r"[a-z][a-z0-9+.-]*://.", url, re.IGNORECASE) for url in urls):
            raise ValueError(
                "an address has no scheme; for example slack://TokenA/TokenB/TokenC/#channel, "
                "mailto://user:password@example.com or jsons://example.com/hook, several separated by spaces"
            )
        return urls

    @field_validator(
        "github_api_url", "github_graphql_url", "aws_endpoint_url", "ui_url", "page_url", "metabase_url"
    )
    @classmethod
    def check_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        """An address is one of http or https; an empty one says nothing."""
        return http_url(value, EXAMPLE_ADDRESSES[str(info.field_name)]) if value else value

    @field_validator("watched_names", mode="before")
    @classmethod
    def split_names(cls, value: str) -> tuple[str, ...]:
        """Names and patterns are separated by commas or spaces; each counts once, in lower case."""
        names = tuple(dict.fromkeys(text.lower() for text in re.split(r"[,\s]+", value) if text))
        try:
            for name in names:
                Repo.parse(name.replace("*", "x"))
        except InvalidRepo as error:
            raise ValueError(str(error)) from None
        return names

    @field_validator("watch_file")
    @classmethod
    def find_watch_file(cls, value: Path | None) -> Path | None:
        """A file that is named must be there; its path is absolute from here on."""
        if value is None:
            return None
        try:
            is_file = value.expanduser().is_file()
        except OSError as error:
            raise ValueError(
                f"{value} cannot be read ({error.strerror}); let GitPulse's user read it, for example with "
                f"chmod -R a+rX {value.parent}"
            ) from None
        if not is_file:
            raise ValueError(f"there is no file {value}; for example /etc/gitpulse/gitpulse.yaml")
        return value.expanduser().absolute()

    @field_validator("lake_url")
    @classmethod
    def check_lake_url(cls, value: str) -> str:
        """A folder is absolute from here on, whatever directory a run has."""
        return absolute_lake_url(value)

    @field_validator("api_keys", mode="before")
    @classmethod
    def split_keys(cls, value: str) -> tuple[str, ...]:
        """Keys are separated by commas, and long enough not to be guessed."""
        keys = tuple(key.strip() for key in value.split(",") if key.strip())
        if not all(re.fullmatch(r"[\x21-\x7e]{16,}", key) for key in keys):
            raise ValueError(
                "a key is shorter than 16 characters or has one that is not printable ASCII; make one with: "
                "openssl rand -hex 24"
            )
        return keys

    @field_validator("cors_origins", mode="before")
    @classmethod
    def split_origins(cls, value: str) -> tuple[str, ...]:
        """Origins are separated by commas: scheme, host and port, no path."""
        origins = tuple(origin.strip() for origin in value.split(",") if origin.strip())
        for origin in origins:
            parts = urlsplit(origin)
            is_host = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
            if not is_host or parts.path or set("?#") & set(origin):
                raise ValueError(
                    f"{shown(origin)} is not an origin; for example https://dashboards.example.com"
                )
        return origins

    @field_validator("label_groups", mode="before")
    @classmethod
    def split_label_groups(cls, value: str) -> tuple[LabelGroup, ...]:
        """The groups with their patterns, in the order in which they are tried."""
        pairs = tuple(tuple(part.split("=", 1)) for part in value.split(";") if part.strip())
        if not all(len(pair) == 2 and pair[0].strip() and is_pattern(pair[1]) for pair in pairs):
            raise ValueError(
                f"{value!r} is not group=pattern;group=pattern; for example bug=bug|crash;docs=doc"
            )
        return tuple(LabelGroup(group.strip(), pattern.strip()) for group, pattern in pairs)

    @field_validator("dagster_home")
    @classmethod
    def make_absolute(cls, value: Path) -> Path:
        """The folder is absolute from here on, whatever directory a run has."""
        return value.expanduser().absolute()

    @field_validator("github_graphql_url")
    @classmethod
    def derive_graphql_url(cls, value: str, info: ValidationInfo) -> str:
        """GitHub Enterprise Server has `/api/v3` and `/api/graphql` side by side; github.com has one root."""
        api_url = str(info.data.get("github_api_url", ""))
        root = api_url.removesuffix("/v3") if api_url.endswith("/api/v3") else api_url
        return value or f"{root}/graphql"

    @property
    def has_credential(self) -> bool:
        """Whether GitHub is asked with a token, one's own or an App's."""
        return bool(self.github_tokens or self.github_app_id)

    @property
    def page_root(self) -> str:
        """The path below which `gitpulse serve` is seen, without a slash at its end; most often empty."""
        return urlsplit(self.page_url).path.rstrip("/")

    @property
    def region(self) -> str | None:
        """AWS_REGION, else AWS_DEFAULT_REGION, as the AWS clients read them."""
        return self.aws_region or self.aws_default_region


def is_pattern(text: str) -> bool:
    """Whether the text is a regular expression, and not an empty one."""
    try:
        return bool(text.strip() and re.compile(text))
    except re.error:
        return False


def load_settings() -> Settings:
    """Read the environment.

    Raises SettingsError with one line for each variable that cannot be used.
    """
    try:
        check_env_file(Path(ENV_FILE))
        return Settings()
    except ValidationError as error:
        lines = [explain(dict(detail)) for detail in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def check_env_file(path: Path) -> None:
    """Refuse a `.env` of which nothing, or only a part, would be understood; raises SettingsError."""
    if not path.is_file():
        return
    try:
        read_text(path)
    except NotText as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        advice = "let GitPulse's user read it, or remove it"
        raise SettingsError(f"{path} cannot be read ({error.strerror}); {advice}") from None


def explain(detail: dict[str, Any]) -> str:
    """Say what is wrong with one variable; the value itself is left out, it could be a secret."""
    # A default that is checked is called by its field.
    place = str(detail["loc"][0])
    name, field = next(
        (str(field.validation_alias), field)
        for own_name, field in Settings.model_fields.items()
        if place in (own_name, field.validation_alias)
    )
    message = str(detail["msg"]).removeprefix("Value error, ")
    # Our own words end with an example already.
    right = "" if detail["type"] == "value_error" else EXAMPLES.get(name, field.default)
    example = f"; for example {right}" if right else ""
    return f"{name}: {message[:1].lower()}{message[1:]}{example}"
