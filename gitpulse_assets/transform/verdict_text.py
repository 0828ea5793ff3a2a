"""Says a verdict in plain English: how sure it is, and one paragraph a maintainer can paste into an issue.

Judging is verdict.py's; nothing is computed here but roundings.
"""

from collections.abc import Sequence

from gitpulse_assets.transform.verdict import (
    LONGEST_PACE_DAYS,
    SNAPSHOT_ONLY,
    SURE_HISTORY_DAYS,
    Interval,
    Part,
    Verdict,
    Weeks,
)

ANSWERS = {
    "growing": "the backlog is growing",
    "shrinking": "the backlog is shrinking",
    "flat": "the backlog is flat",
    "unclear": "it is unclear whether the backlog grows or shrinks",
}
FLOW_WORDS = {
    "opened_count": "opened",
    "reopened_count": "reopened",
    "transferred_in_count": "transferred in",
    "returned_count": "returned",
    "closed_count": "closed",
    "converted_count": "converted",
    "transferred_out_count": "transferred out",
    "deleted_count": "deleted",
}


def confidence(verdict: Verdict) -> str:
    """Say how sure the direction is and what that rests on."""
    if verdict.pace is None:
        days = f"no pace: {_counted(verdict.counts.observed_days, 'day')} observed"
        return f"{days}, at {_limit(verdict)}"
    reason = {
        "growing": "the 95 % interval lies above 0",
        "shrinking": "the 95 % interval lies below 0",
        "flat": f"the 95 % interval lies within {verdict.flat_margin_per_week:.1f} a week of 0",
        "unclear": "the 95 % interval includes 0 and is too wide to call it flat",
    }[verdict.direction]
    if SNAPSHOT_ONLY in verdict.unknowns:
        reason = f"{reason} of what snapshots show"
    if verdict.history_days >= SURE_HISTORY_DAYS:
        return reason
    return (
        f"{reason}; the noise is known from only {_counted(verdict.history_days, 'day')} before the window "
        "that were as busy, so slow swings may go unseen"
    )


def _limit(verdict: Verdict) -> str:
    return f"most {LONGEST_PACE_DAYS} are one pace" if _is_too_long(verdict) else "least 28 are needed"


def _is_too_long(verdict: Verdict) -> bool:
    return verdict.counts.observed_days > LONGEST_PACE_DAYS


def explanation(verdict: Verdict) -> str:
    """Return what the answer rests on: the sentences that follow a paragraph's opening."""
    sentences = (
        _census(verdict),
        _pace(verdict),
        _bulk(verdict),
        _drivers(verdict),
        _labels(verdict),
        _bots(verdict),
        _age(verdict),
        _unknowns(verdict),
    )
    return " ".join(sentence for sentence in sentences if sentence)


def headline(direction: str, unknowns: Sequence[str]) -> str:
    """Return the answer alone, as a sentence."""
    answer = _answer(direction, unknowns)
    return f"{answer[:1].upper()}{answer[1:]}."


def _answer(direction: str, unknowns: Sequence[str]) -> str:
    reservation = "as far as snapshots show, " if SNAPSHOT_ONLY in unknowns else ""
    return f"{reservation}{ANSWERS[direction]}"


def words(whose: str, verdict: Verdict) -> dict[str, str]:
    """Return the answer's words under the names of their columns, the paragraph as GitHub Markdown.

    The parts stand beside the whole: who shows them by other means than Markdown could not tell where the
    opening ends, since what GitHub's users wrote may look like Markdown too. `whose`: the backlog's name.
    """
    begun, told = _opening(whose, verdict), explanation(verdict)
    return {
        "paragraph": f"**{begun}** {told}",
        "headline": headline(verdict.direction, verdict.unknowns),
        "opening": begun,
        "explanation": told,
    }


def _opening(whose: str, verdict: Verdict) -> str:
    window = f"{verdict.counts.window_days} days to {verdict.counts.end_date} (UTC)"
    return f"{whose}, {window}: {_answer(verdict.direction, verdict.unknowns)}."


def _census(verdict: Verdict) -> str:
    counts = verdict.counts
    verb = "was" if counts.open_at_end == 1 else "were"
    stock = f"{_counted(counts.open_at_end, 'issue')} {verb} open at the end, {_against_start(verdict)}"
    flows = [f"{counts.flows[name]:,} {word}" for name, word in FLOW_WORDS.items() if counts.flows[name]]
    source = "told by snapshots" if SNAPSHOT_ONLY in verdict.unknowns else "exact count"
    return f"{stock} ({source}: {_listed(flows)})." if flows else f"{stock}; none came or went."


def _against_start(verdict: Verdict) -> str:
    change = verdict.counts.net_change
    if not change:
        return "as many as at the start"
    return f"{abs(change):,} {'more' if change > 0 else 'fewer'} than at the start"


def _pace(verdict: Verdict) -> str:
    if verdict.pace is None:
        return f"The {'window is too long' if _is_too_long(verdict) else 'history is too short'} for a pace."
    pace = verdict.pace
    said = f"Pace: {_signed(pace.per_week)} a week (95 % interval {_interval(pace)})"
    if verdict.weeks is None:
        return f"{said}."
    goal = "twice as large" if verdict.direction == "growing" else "empty"
    return f"{said}; at that pace the backlog is {goal} in {_weeks(verdict.weeks)}."


def _interval(pace: Interval) -> str:
    return f"{_signed(pace.low)} to {_signed(pace.high)}"


def _weeks(weeks: Weeks) -> str:
    expected, soonest, latest = (round(value) for value in (weeks.expected, weeks.soonest, weeks.latest))
    return f"{_counted(expected, 'week')} ({soonest:,} to {latest:,})"


def _bulk(verdict: Verdict) -> str:
    moved = {}
    for burst in verdict.bulk:
        way = "entered" if burst.is_arrival else "left"
        by = f" by {burst.actor_login}" if burst.actor_login else ""
        key = f"{way} on {burst.started_at:%Y-%m-%d}{by}"
        moved[key] = moved.get(key, 0) + burst.day_count
    if not moved:
        return ""
    bulk = _listed([f"{count:,} {what}" for what, count in moved.items()])
    return f"Set aside as bulk from the pace and what follows: {bulk}."


def _drivers(verdict: Verdict) -> str:
    if verdict.intake.before is None or verdict.pace is None:
        return ""
    parts = {part.driver: part for part in (verdict.intake, verdict.resolution, verdict.reopenings)}
    window = f"the {verdict.counts.window_days} days before"
    if not verdict.drivers:
        return f"Against {window}, neither intake nor resolution changed by more than chance explains."
    said = [_driver(parts[name]) for name in verdict.drivers]
    return f"Against {window}, {_listed(said)}."


def _driver(part: Part) -> str:
    verb = "rose" if part.change > 0 else "fell"
    return f"{part.name} {verb} from {part.before:,} to {part.now:,}"


def _labels(verdict: Verdict) -> str:
    labels = [f"{name} {change:+,}" for name, change in verdict.label_changes]
    return f"By label: {', '.join(labels)}." if labels else ""


def _bots(verdict: Verdict) -> str:
    count = verdict.counts.bot_departed_count
    return f"Bots closed or moved {_counted(count, 'issue')}." if count else ""


def _age(verdict: Verdict) -> str:
    age = verdict.age
    # The ages are those of the as-of moment, the stock is the last midnight's: where that was empty, all that
    # is open came after the window.
    if not verdict.counts.open_at_end:
        return ""
    if age.median_days is None or age.p90_days is None or age.share_over_1_year is None:
        return ""
    return (
        f"Half of the open issues are older than {_counted(round(age.median_days), 'day')}, one in ten older "
        f"than {_counted(round(age.p90_days), 'day')}; {age.share_over_1_year:.0%} are older than a year."
    )


def _unknowns(verdict: Verdict) -> str:
    return f"Not known: {'; '.join(verdict.unknowns)}." if verdict.unknowns else ""


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _signed(value: float) -> str:
    """One decimal with its sign; two below 1, so that a slow pace is not shown as 0."""
    return f"{value:+,.1f}" if abs(value) >= 1 else f"{value:+.2f}"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
