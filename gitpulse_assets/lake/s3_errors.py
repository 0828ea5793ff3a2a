"""What S3 servers answer, told in one line that names the setting to change."""

from collections.abc import Iterator
from contextlib import contextmanager

from gitpulse_assets.lake.errors import LakeError

NOT_FOUND = {404}
PRECONDITION = {412}
NO_SUCH_RANGE = {416}
CONFLICT = {409}

_REASONS = {
    "NoSuchBucket": "there is no such bucket: create it, or set GITPULSE_LAKE_URL to one that exists",
    "InvalidBucketName": "this is no bucket's name: set GITPULSE_LAKE_URL to s3://bucket/prefix",
    "InvalidAccessKeyId": "the server does not know this access key: set AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret does not fit the access key: set AWS_SECRET_ACCESS_KEY",
    "InvalidToken": "the session token is not valid: set AWS_SESSION_TOKEN, or unset it",
    "ExpiredToken": "the session token has expired: set AWS_SESSION_TOKEN to a new one",
    "AccessDenied": "access denied: AWS_ACCESS_KEY_ID must be one that may list, read, write and delete",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set AWS_REGION",
    "PermanentRedirect": "the bucket is in another region: set AWS_REGION (or AWS_ENDPOINT_URL)",
    "IllegalLocationConstraintException": "the bucket is in another region: set AWS_REGION",
    "RequestTimeTooSkewed": "this machine's clock differs too much from the server's: set the clock",
    "XMinioStorageFull": "the server's disk is full: free space there, then run again",
    "InsufficientStorage": "the server's disk is full: free space there, then run again",
}
_REASONS_BY_STATUS = {
    301: _REASONS["PermanentRedirect"],
    403: _REASONS["AccessDenied"],
    507: _REASONS["InsufficientStorage"],
}
# Also what a server answers that is about to die, before it refuses connections.
SERVER_ERROR = 500
_IN_TROUBLE = "look at that server, or set AWS_ENDPOINT_URL to another, then run again"
_UNREACHABLE = "set AWS_ENDPOINT_URL to the server's address, or start it"

_PROXY = "check HTTPS_PROXY and HTTP_PROXY (http://host:port; no other kind), or name the server in NO_PROXY"
_CLOSED = "set AWS_ENDPOINT_URL to its address, with https:// where it speaks TLS, or look at that server"
_UNTRUSTED = "set AWS_CA_BUNDLE to the file of the CA that signed it (SSL_CERT_FILE serves GitHub only)"
# A server that does not take several deletions at once answers so; each alone may still be taken.
NO_BULK_DELETE = {400, 405, 501}


def status(error: Exception) -> int:
    """The HTTP status behind a botocore ClientError; 0 where there was none."""
    response = getattr(error, "response", {})
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


@contextmanager
def s3_errors(place: str, endpoint_url: str | None) -> Iterator[None]:
    """Turn botocore's errors into LakeError, saying which object and which server."""
    from botocore.exceptions import BotoCoreError, ClientError

    where = f"{place} at {endpoint_url}" if endpoint_url else place
    try:
        yield
    except ClientError as error:
        raise LakeError(f"{where}: {_client_reason(error)}") from error
    except BotoCoreError as error:
        raise LakeError(f"{where}: {_core_reason(error)}") from error
    except RecursionError as error:
        # botocore follows a server that answers everything with a redirect until its stack ends.
        raise LakeError(f"{where}: {_REASONS_BY_STATUS[301]}") from error


def _client_reason(error: Exception) -> str:
    found: dict[str, str] = getattr(error, "response", {}).get("Error", {})
    code = found.get("Code", "")
    known = _REASONS.get(code) or _REASONS_BY_STATUS.get(status(error))
    said = f"the server answered {status(error)} {code}: {found.get('Message', '')}".rstrip(": .")
    return known or (f"{said}: {_IN_TROUBLE}" if status(error) >= SERVER_ERROR else said)


def _core_reason(error: Exception) -> str:
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, exceptions.NoRegionError | exceptions.InvalidRegionError):
        return "no usable region: set AWS_REGION"
    if isinstance(error, exceptions.ParamValidationError):
        return "this is no bucket's name: set GITPULSE_LAKE_URL to s3://bucket/prefix"
    if isinstance(error, exceptions.SSLError):
        return _tls_reason(str(error).rpartition("] ")[2] or "TLS")
    if isinstance(error, exceptions.ConnectionClosedError):
        return f"it ends the connection without an answer: {_CLOSED}"
    if isinstance(error, exceptions.ProxyConnectionError):
        return f"cannot be reached through the proxy: {_PROXY}"
    if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return f"cannot be reached ({type(error).__name__}): {_UNREACHABLE}"
    return str(error)


def _tls_reason(words: str) -> str:
    """Why TLS did not come about; a bundle mends only a CA that is not known."""
    if "wrong version number" in words or "record layer failure" in words:
        return "it speaks no TLS there: write http:// in AWS_ENDPOINT_URL, or the port that does"
    if "expired" in words or "not yet valid" in words:
        return (
            f"its certificate is out of date ({words}): renew it at the server, or set this machine's clock"
        )
    if "match" in words:
        name = words.rpartition("match")[2].strip(" ,") or words
        return (
            f"its certificate is for another name ({name}): write that name in AWS_ENDPOINT_URL, or have one "
            "for this name made at the server"
        )
    return f"its certificate is not trusted ({words}): {_UNTRUSTED}"
