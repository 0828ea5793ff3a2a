"""GitHub, the lake and DuckDB as Dagster resources: thin, made from the settings, which a step reads once.

The heavy libraries are imported where they are used, so that loading the definitions stays cheap.
Nothing here knows a table or a rule.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dagster as dg
from dagster_duckdb import DuckDBResource

from gitpulse_assets.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    import duckdb

    from gitpulse_assets.github.client import GitHubClient
    from gitpulse_assets.github.pace import RequestPace
    from gitpulse_assets.github.shared_pace import Ledger
    from gitpulse_assets.github.transport import Wait
    from gitpulse_assets.lake.lake import Lake


def settings_or_failure() -> Settings:
    """Read the settings; a wrong one ends the step with its line and is not retried."""
    try:
        return load_settings()
    except SettingsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


class GitHubResource(dg.ConfigurableResource):
    """The GitHub API, as GITHUB_TOKEN and GITHUB_API_URL describe it.

    It has no fields on purpose: a field would put the token into run configuration and the UI.
    """

    def client(
        self,
        settings: Settings,
        on_wait: "Callable[[Wait], None] | None" = None,
        *,
        was_reached: bool = False,
    ) -> "GitHubClient":
        """Open a client; the caller closes it. The options are as GitHubClient has them.

        Ends the step with one clear line where the environment lets none be made.
        """
        try:
            return github_client(settings, on_wait=on_wait, was_reached=was_reached)
        except SettingsError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None


def github_client(settings: Settings, **options: Any) -> "GitHubClient":
    """Open a client as the settings describe it; `options` are further arguments of GitHubClient.

    Raises SettingsError where a proxy or certificate variable of the environment lets none be made.
    """
    from gitpulse_assets.github.client import GitHubClient
    from gitpulse_assets.github.errors import UnusableEnvironment
    from gitpulse_assets.github.github_app import GitHubApp

    github_app, key = None, settings.github_app_private_key
    if settings.github_app_id and key:
        github_app = GitHubApp(
            settings.github_app_id, key, settings.github_api_url, settings.github_app_installation_id
        )
    given = {"patience_seconds": settings.patience_seconds, **options}
    try:
        return GitHubClient(
            api_url=settings.github_api_url,
            graphql_url=settings.github_graphql_url,
            tokens=settings.github_tokens,
            github_app=github_app,
            make_pace=shared_paces(settings),
            requests_at_once=settings.requests_at_once,
            **given,
        )
    except UnusableEnvironment as error:
        raise SettingsError(str(error)) from None


def shared_paces(settings: Settings) -> "Callable[[str, str], RequestPace] | None":
    """How processes share GitHub's budgets: by the PostgreSQL that DAGSTER_PG_HOST names; else not."""
    if not settings.pg_host:
        return None
    from gitpulse_assets.github.shared_pace import SharedPace

    ledger = kept_ledger(settings)  # pyright: ignore[reportArgumentType]  (frozen settings have a hash)
    host = urlsplit(settings.github_api_url).netloc
    return lambda whose, api: SharedPace(ledger, f"{host}/{whose}", api)


@lru_cache(maxsize=1)
def kept_ledger(settings: Settings) -> "Ledger":
    """The ledger of these settings, one connection for all clients of the process."""
    from gitpulse_assets.github.shared_pace import Ledger

    password = settings.pg_password
    return Ledger(
        {
            "host": settings.pg_host,
            "port": settings.pg_port,
            "user": settings.pg_user,
            "password": password.get_secret_value() if password else None,
            "dbname": settings.pg_db,
        }
    )


class LakeResource(dg.ConfigurableResource):
    """The Parquet lake that GITPULSE_LAKE_URL names."""

    def open(self, settings: Settings) -> "Lake":
        """Return the lake, reached and found writable.

        Ends the step with one clear line where it is not, before any GitHub quota is spent.
        """
        from gitpulse_assets.lake.errors import LakeError

        try:
            return open_lake(settings)
        except LakeError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None


def open_lake(settings: Settings) -> "Lake":
    """Open the lake that the settings name; what opens it is imported only then."""
    from gitpulse_assets import lake_address

    return lake_address.open_lake(settings)


class DuckDB(DuckDBResource):
    """In-memory DuckDB with the project's connection settings.

    The given resource leaves its connection open when the body raises and has no hook for `SET`.
    """

    database: str = ":memory:"

    @contextmanager
    def get_connection(self, settings: Settings | None = None) -> "Iterator[duckdb.DuckDBPyConnection]":
        """Open a connection and close it; too little memory or disk ends the step with what to change.

        Without `settings`, as those who know the given resource call it, they are read.
        """

        import duckdb

        from gitpulse_assets.lake.duck import connect, shortage

        limit = (settings or settings_or_failure()).duckdb_memory_limit
        con = connect(limit)
        try:
            yield con
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            line = shortage(error, limit)
            if line is None:
                raise
            raise dg.Failure(description=line, allow_retries=False) from None
        finally:
            con.close()
