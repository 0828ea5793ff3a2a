"""What the charts of pull requests, answers and people show, in words, from the rows they draw."""

from gitpulse_assets.charts.titles import DAY_SECONDS, Row, Rows, days, percent


def open_pull_requests(flow: Rows) -> str:
    """Say how the number of open pull requests moved."""
    if not flow:
        return "No day of pull requests is known in this window"
    first, last = flow[0], flow[-1]
    began = first["open_at_end"] - first["opened_count"] - first["reopened_count"]
    began += first["merged_count"] + first["closed_unmerged_count"]
    change = last["open_at_end"] - began
    if not change:
        return f"As many pull requests are open as at the start: {last['open_at_end']:,}"
    return (
        f"Open pull requests {'rose' if change > 0 else 'fell'} by {abs(change):,} to {last['open_at_end']:,}"
    )


def first_responses(months: Rows) -> str:
    """Say how many issues were answered within a week, of the newest month that has had its week."""
    told = [row for row in months if row["share_answered_within_7d"] is not None]
    if not told:
        return "No issue is old enough to tell how soon it is answered"
    month = told[-1]
    share = percent(month["share_answered_within_7d"])
    return f"{share} of the issues of {month['month']:%B %Y} were answered within 7 days"


def pull_request_waits(months: Rows) -> str:
    """Say how long half of the newest month's pull requests waited for an answer."""
    column = "kaplan_meier_median_first_response_seconds"
    told = [row for row in months if row["opened_count"] and row[column] is not None]
    if not told:
        return "Too few pull requests were answered to tell how long it takes"
    month = told[-1]
    took = days(month[column] / DAY_SECONDS)
    return f"Half of the pull requests of {month['month']:%B %Y} were answered within {took}"


def active_people(months: Rows) -> str:
    """Say how many are active, and on how few the merges rest."""
    if not months:
        return "Nobody has acted here yet"
    last = months[-1]
    active = last["active_count"]
    said = f"{active:,} {'person was' if active == 1 else 'people were'} active in {last['month']:%B %Y}"
    return f"{said}, {last['new_count']:,} for the first time"


def absence(month: Row | None) -> str:
    """Say on how few people the merges rest."""
    few = month and month["absence_factor"]
    if not few:
        return "Nothing that people opened was merged within a year"
    return f"Half of what was merged within a year was opened by {few:,} {'person' if few == 1 else 'people'}"
