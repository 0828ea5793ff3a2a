"""`gitpulse metabase`: the connection, cards and dashboard in a Metabase, made or brought up to date."""

from gitpulse_assets.bi.duckdb_views import duckdb_views
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.github.errors import UnusableEnvironment
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake_address import open_lake, s3_options
from gitpulse_assets.metabase.client import Metabase, MetabaseError
from gitpulse_assets.metabase.provision import provision
from gitpulse_assets.settings import Settings


def provision_metabase(settings: Settings, lake_url: str | None) -> int:
    """Provision, and say what was done; `lake_url`: where Metabase finds the lake. Return the exit code."""
    password = settings.metabase_password
    if not settings.metabase_email or password is None:
        return refused(
            "set GITPULSE_METABASE_EMAIL and GITPULSE_METABASE_PASSWORD to a user of it", WRONG_USE
        )
    try:
        lake = open_lake(settings, is_writable=False)
        repo = next(iter(lake.committed_repos("gold")), None)
        if repo is None:
            return refused("there is nothing to show yet; run gitpulse refresh OWNER/NAME", FAILED)
        address = lake_url or settings.lake_url
        views = duckdb_views(lake, address, s3_options(settings), with_comments=False)
        with Metabase(
            settings.metabase_url, settings.metabase_email, password.get_secret_value()
        ) as metabase:
            done = provision(metabase, views, repo.key)
    except UnusableEnvironment as error:
        return refused(error, WRONG_USE)
    except (LakeError, MetabaseError) as error:
        return refused(error, FAILED)
    address = f"{settings.metabase_url}/dashboard/{done.dashboard_id}"
    say(f"{address}: {done.made} made, {done.changed} changed, {done.kept} as they were")
    return DONE
