"""How to reach an S3 server; which bucket is the lake URL's business."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class S3Options:
    """The standard `AWS_*` settings; what is None is left to boto3's own search (profile, role, …)."""

    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str | None = None
