"""Runs dlt's REST source into DuckDB; for the interpreter of the peer's own environment.

Usage: dlt_run.py API_URL OWNER/NAME FOLDER.
"""

import sys

import dlt
from dlt.sources.rest_api import rest_api_source


def main(api_url: str, repository: str, folder: str) -> None:
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{api_url}/",
                "headers": {"User-Agent": "bench"},
                "paginator": "header_link",
            },
            "resources": [
                {
                    "name": "issues",
                    "write_disposition": "merge",
                    "primary_key": "id",
                    "endpoint": {
                        "path": f"repos/{repository}/issues",
                        "params": {"state": "all", "sort": "created", "direction": "asc", "per_page": 100},
                    },
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=f"{folder}/pipelines",
        destination=dlt.destinations.duckdb(f"{folder}/issues.duckdb"),
        dataset_name="bench",
    )
    pipeline.run(source).raise_on_failed_jobs()


if __name__ == "__main__":
    main(*sys.argv[1:4])
