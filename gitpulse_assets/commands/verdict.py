"""`gitpulse verdict`."""

from gitpulse_assets.resources import open_lake


def print_verdict(settings, repo, as_of, window, *, as_json):
    from gitpulse_assets.contracts import gold

    t = open_lake(settings).dataset(gold.MART_ISSUE_DAILY_FLOW, repo).to_table().to_pylist()
    print(repo, t[-1])
    return 0
