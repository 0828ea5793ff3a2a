"""Opens the lake that the settings name; whoever needs it without Dagster gets it here."""

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.settings import Settings


def open_lake(settings: Settings, *, is_writable: bool = True) -> Lake:
    """Open the lake, found to be writable unless it is only to be read; then nothing is created.

    Raises LakeError, in one line that names the setting to change, where it cannot be used.
    """
    return Lake.open(settings.lake_url, s3_options(settings), is_writable=is_writable)


def s3_options(settings: Settings) -> S3Options:
    """Return what the `AWS_*` settings say of an S3 server."""
    secret = settings.aws_secret_access_key
    token = settings.aws_session_token
    return S3Options(
        endpoint_url=settings.aws_endpoint_url,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=secret.get_secret_value() if secret else None,
        session_token=token.get_secret_value() if token else None,
        region=settings.region,
    )
