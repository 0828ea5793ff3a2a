"""Runs tap-github's issues stream to standard output; for the interpreter of the peer's own environment.

Usage: tap_github_run.py API_URL OWNER/NAME FOLDER. tap-github validates its tokens at api.github.com whatever
`api_url_base` says, so that one check is taken out; everything else is as installed.
"""

import json
import sys
from pathlib import Path

from tap_github.authenticator import TokenManager
from tap_github.tap import TapGitHub


def main(api_url: str, repository: str, folder: Path) -> None:
    TokenManager.is_valid_token = lambda self: True
    config = {
        "repositories": [repository],
        "start_date": "2000-01-01T00:00:00Z",
        "auth_token": "bench",
        "api_url_base": api_url,
    }
    catalog = TapGitHub(config=config).catalog_dict
    for stream in catalog["streams"]:
        is_issues = stream["tap_stream_id"] == "issues"
        stream["selected"] = is_issues
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = is_issues
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps(catalog))
    TapGitHub.cli(["--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
