"""Runs streams of tap-github to standard output; for the interpreter of the peer's own environment.

Usage: tap_github_run.py API_URL OWNER/NAME FOLDER [STREAM ...], `issues` where none is named. tap-github
validates its tokens at api.github.com whatever `api_url_base` says, so that one check is taken out; and it
fails on a pull request in the list of issues without a `type`, as some are. All else is as installed.
"""

# Of the peer's own environment.
# pyright: reportMissingImports=false
import json
import sys
from pathlib import Path

from tap_github.authenticator import TokenManager
from tap_github.repository_streams import IssuesStream
from tap_github.tap import TapGitHub

read_issue = IssuesStream.post_process


def main(api_url: str, repository: str, folder: Path, streams: tuple[str, ...]) -> None:
    TokenManager.is_valid_token = lambda self: True
    IssuesStream.post_process = lambda self, row, context=None: read_issue(
        self, {"type": None} | row, context
    )
    config = {
        "repositories": [repository],
        "start_date": "2000-01-01T00:00:00Z",
        "auth_token": "bench",
        "api_url_base": api_url,
    }
    catalog = TapGitHub(config=config).catalog_dict
    for stream in catalog["streams"]:
        is_asked = stream["tap_stream_id"] in streams
        stream["selected"] = is_asked
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = is_asked
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps(catalog))
    TapGitHub.cli(["--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), tuple(sys.argv[4:]) or ("issues",))
