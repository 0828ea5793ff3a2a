"""The cases that earlier systems got wrong, and the edges of the definitions, each by name and by hand."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.audit import audit_sql
from gitpulse_assets.transform.contributors import build_conversations, label_names, unfit_patterns
from gitpulse_assets.watch.watch_list import DEFAULT_WAITING_LABELS
from gitpulse_assets_tests.contributors.compare import (
    ORACLES,
    compared,
    judged,
    load,
    marts_of,
    options_of,
)
from gitpulse_assets_tests.contributors.silver_rows import silver_rows
from gitpulse_assets_tests.contributors.truth import (
    Account,
    LabelTime,
    Move,
    Organization,
    Thread,
    Word,
    World,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# A Wednesday.
AS_OF = datetime(2024, 5, 15, 12, tzinfo=UTC)
ASKER, MEMBER, OWNER = Account(1, "asker"), Account(2, "member"), Account(3, "owner")
ROBOT, GHOST = Account(4, "robot[bot]", "Bot"), Account(5, "gone", is_deleted=True)


def said(who: Account, at: datetime, association: str = "NONE") -> Word:
    return Word("comment", at, who, association)


def issue(number: int, *words: Word, created_at: datetime = AS_OF - 30 * DAY, **fields: Any) -> Thread:
    return Thread(number, False, ASKER, "NONE", created_at, words=list(words), **fields)


def pull_request(number: int, *moves: Move, created_at: datetime = AS_OF - 30 * DAY, **fields: Any) -> Thread:
    return Thread(number, True, ASKER, "NONE", created_at, moves=list(moves), **fields)


def moved(kind: str, at: datetime) -> Move:
    return Move(kind, at, OWNER)  # type: ignore[arg-type]


def row_of(mart: str, *threads: Thread, **fields: Any) -> dict[str, Any] | None:
    rows = marts_of(World(AS_OF, list(threads), **fields))[mart]
    return rows[-1] if rows else None


def responses_of_none(world: World) -> tuple[int, Sequence[Any]]:
    """What the check says that reads responses off what was received."""
    with connect() as con:
        load(con, world)
        build_conversations(con, world.as_of_at, options_of(world))
        return audit_sql(con, "responses_are_of_others", {"bots": list(world.bots)})


@pytest.mark.parametrize("listed", ["builds", "old-builds"])
def test_a_service_account_that_was_renamed_is_a_bot_whichever_login_is_listed_or_told(listed: str):
    service = Account(6, "Builds", old_login="old-builds")
    review = Word("review", AS_OF - DAY, service, "NONE", "APPROVED")
    # What is told of the second was received long ago.
    world = World(AS_OF, [pull_request(one, words=[review]) for one in (1, 2)], bots=(listed,))
    assert {row["author_login"] for row in silver_rows(world)["review"]} == {"Builds", "old-builds"}
    assert judged(world).wrong == []
    assert responses_of_none(world) == (0, ())


def test_whose_former_login_a_listed_service_account_took_is_no_bot():
    """Both accounts said something under the login that is listed: the person before, long ago."""
    person, service = Account(6, "alice", old_login="Builds"), Account(7, "Builds")
    words = [said(person, AS_OF - 3 * DAY), said(service, AS_OF - 2 * DAY)]
    world = World(AS_OF, [pull_request(one, words=words) for one in (1, 2)], bots=("builds",))
    told = {(row.get("actor_id"), row.get("actor_login")) for row in silver_rows(world)["conversation_event"]}
    assert told >= {(6, "Builds"), (6, "alice"), (7, "Builds")}
    assert judged(world).wrong == []
    answered = row_of("mart_pull_request_lifecycle", *world.threads, bots=world.bots)
    assert answered
    assert answered["first_response_at"] == words[0].at
    assert responses_of_none(world) == (0, ())


@pytest.mark.parametrize("is_newest", [True, False])
def test_who_merged_goes_by_the_login_that_the_newest_of_their_acts_and_merges_here_tells(is_newest: bool):
    """What is told of a thread of an even number was told some days ago."""
    merged, other = (1, 2) if is_newest else (2, 1)
    threads = [pull_request(merged, moved("merged", AS_OF)), pull_request(other, words=[said(OWNER, AS_OF)])]
    with connect() as con:
        load(con, World(AS_OF, threads))
        con.execute("update pull_request_current set merged_by_login = 'other'")
        build_conversations(con, AS_OF, options_of(World(AS_OF, [])))
        found = con.sql("select distinct merged_by_login from mart_pull_request_lifecycle").fetchall()
    assert {login for (login,) in found if login} == {"other" if is_newest else OWNER.login}


def test_case_21_only_openings_count_in_the_time_between_pull_requests():
    first = AS_OF - 10 * DAY
    reopened = [moved("closed", first + HOUR), moved("reopened", first + 2 * HOUR)]
    threads = [
        pull_request(1, *reopened, created_at=first),
        pull_request(2, created_at=first + DAY),
        pull_request(3, moved("merged", first + 4 * DAY), created_at=first + 3 * DAY),
    ]
    row = row_of("mart_pull_request_monthly", *threads)
    assert row is not None
    assert row["average_seconds_between_opened"] == 1.5 * 86_400
    assert (row["opened_count"], row["merged_count"]) == (3, 1)


def test_case_25_a_member_who_leaves_and_returns_is_a_maintainer_again():
    spans = {MEMBER.account_id: [(None, date(2024, 5, 1)), (date(2024, 5, 10), None)]}
    organization = Organization(AS_OF - 60 * DAY, spans)
    away, back = AS_OF - 10 * DAY, AS_OF - 2 * DAY
    gone = row_of("mart_first_response", issue(1, said(MEMBER, away)), organization=organization)
    again = row_of(
        "mart_first_response", issue(1, said(MEMBER, away), said(MEMBER, back)), organization=organization
    )
    assert gone is not None
    assert again is not None
    assert (gone["first_response_at"], gone["first_maintainer_response_at"]) == (away, None)
    assert (again["first_response_at"], again["first_maintainer_response_at"]) == (away, back)


def test_where_a_believed_list_holds_nobody_no_association_makes_a_member():
    looked_at = AS_OF - 20 * DAY
    before, after = said(MEMBER, looked_at - DAY, "MEMBER"), said(MEMBER, looked_at + DAY, "MEMBER")
    world = World(AS_OF, [issue(1, before), issue(2, after)], organization=Organization(looked_at, {}))
    responses = {row["issue_number"]: row for row in marts_of(world)["mart_first_response"]}
    assert responses[1]["first_maintainer_response_at"] == before.at
    assert responses[2]["first_maintainer_response_at"] is None
    assert judged(world).wrong == []


def test_case_34_an_issue_that_arrived_counts_from_its_old_creation_with_its_old_words():
    created_at = AS_OF - 300 * DAY
    answer = said(OWNER, created_at + DAY, "OWNER")
    row = row_of("mart_first_response", issue(7, answer, created_at=created_at))
    assert row is not None
    assert row["time_to_first_response_seconds"] == 86_400


@pytest.mark.parametrize(
    ("word", "is_response"),
    [
        (said(OWNER, AS_OF), True),
        (said(GHOST, AS_OF), True),
        (said(Account(9, "imported", "Mannequin"), AS_OF), True),
        (said(ASKER, AS_OF), False),
        (said(ROBOT, AS_OF), False),
        (said(Account(9, "acme", "Organization"), AS_OF), False),
        (said(Account(9, "Listed"), AS_OF), False),
        (said(OWNER, AS_OF - 31 * DAY), False),
    ],
)
def test_who_responds(word: Word, is_response: bool):
    row = row_of("mart_first_response", issue(1, word), bots=("listed",))
    assert row is not None
    assert row["is_censored"] is not is_response


def test_a_word_in_the_second_of_the_waiting_label_waits_for_an_answer():
    at = AS_OF - 3 * DAY
    label = LabelTime(1, "waiting", at, None)
    row = row_of("mart_pending_response", issue(1, said(ASKER, at), labels=[label]))
    assert row is not None
    assert row["waiting_since"] == at


@pytest.mark.parametrize(("dismissed_at", "is_approved"), [(None, True), (AS_OF - DAY, False), (AS_OF, True)])
def test_an_approval_counts_in_the_second_of_the_merge_and_one_dismissed_then_does_not(
    dismissed_at: datetime | None, is_approved: bool
):
    merged_at = AS_OF - DAY
    review = Word("review", merged_at, OWNER, "OWNER", "APPROVED", dismissed_at)
    row = row_of("mart_pull_request_lifecycle", pull_request(1, moved("merged", merged_at), words=[review]))
    assert row is not None
    assert row["approved_at"] == (merged_at if is_approved else None)


def test_from_the_first_look_on_and_on_the_first_day_away_no_association_makes_a_member():
    look = AS_OF - 20 * DAY
    organization = Organization(look, {MEMBER.account_id: [(None, look.date() + 5 * DAY)]})
    other = Account(9, "other")
    for word in (said(other, look, "MEMBER"), said(MEMBER, look + 5 * DAY, "MEMBER")):
        row = row_of("mart_first_response", issue(1, word), organization=organization)
        assert row is not None
        assert (row["first_response_at"], row["first_maintainer_response_at"]) == (word.at, None)


def test_one_deleted_account_does_not_answer_another():
    thread = issue(1, said(GHOST, AS_OF))
    thread.author = Account(6, "also-gone", is_deleted=True)
    row = row_of("mart_first_response", thread)
    assert row is not None
    assert row["is_censored"]


@pytest.mark.parametrize(("days", "is_listed"), [(timedelta(days=7), False), (7 * DAY - HOUR / 3600, True)])
def test_a_comment_exactly_7_days_old_is_not_trending(days: timedelta, is_listed: bool):
    row = row_of("mart_trending_issue", issue(1, said(ASKER, AS_OF - days)))
    assert (row is not None) is is_listed


@pytest.mark.parametrize(
    ("calendar", "zone", "waited"), [("", "UTC", 9), ("DE", "UTC", 8), ("", "Asia/Tokyo", 8)]
)
def test_business_days_are_those_of_the_calendar_and_the_zone(calendar: str, zone: str, waited: int):
    # From Thursday, 2 May 2024, 20:00 UTC, which is Friday in Tokyo; 9 May is a holiday in Germany.
    asked = datetime(2024, 5, 2, 20, tzinfo=UTC)
    row = row_of("mart_follow_up", issue(1, created_at=asked), calendar=calendar, time_zone=zone)
    assert row is not None
    assert row["business_days_waiting"] == waited
    assert row["is_overdue"]


def test_on_the_last_night_of_a_year_in_the_east_new_year_is_a_holiday():
    # In Auckland the wait began on Tuesday, 29 December, and it is Friday, 1 January 2027.
    asked, night = datetime(2026, 12, 28, 20, tzinfo=UTC), datetime(2026, 12, 31, 13, tzinfo=UTC)
    world = World(night, [issue(1, created_at=asked)], time_zone="Pacific/Auckland", calendar="NZ")
    (row,) = marts_of(world)["mart_follow_up"]
    assert (row["business_days_waiting"], row["is_overdue"]) == (2, False)
    assert judged(world).wrong == []


def test_what_a_waiting_label_asked_for_has_come():
    label = LabelTime(1, "Needs-Info: logs", AS_OF - 5 * DAY, None)
    asked, early, answer = AS_OF - 6 * DAY, AS_OF - 5.5 * DAY, AS_OF - 4 * DAY
    words = [said(OWNER, asked, "OWNER"), said(ASKER, early), said(ASKER, answer), said(ROBOT, AS_OF)]
    row = row_of("mart_pending_response", issue(1, *words, labels=[label]))
    assert row is not None
    assert (row["waiting_since"], row["waiting_days"]) == (answer, 4.0)
    assert row_of("mart_pending_response", issue(1, *words[:2], labels=[label])) is None


def test_an_answered_issue_that_is_closed_without_a_time_is_not_closed_without_a_response():
    thread = issue(1, said(OWNER, AS_OF - DAY, "OWNER"), moves=[moved("closed", AS_OF - 2 * DAY)])
    world = World(AS_OF, [thread])
    with connect() as con:
        load(con, world)
        con.execute("update issue_current set closed_at = null")
        build_conversations(con, AS_OF, options_of(world))
        (row,) = con.table("mart_first_response").to_arrow_table().to_pylist()
    assert not row["is_closed_without_response"]


@pytest.mark.parametrize(
    ("patterns", "unfit"),
    [
        (("bug*", "Awaiting*"), ["Awaiting*"]),
        (("BUG?É",), []),
        (DEFAULT_WAITING_LABELS, []),
    ],
)
def test_a_pattern_that_somebody_wrote_and_no_label_fits_is_named(
    patterns: tuple[str, ...], unfit: list[str]
):
    label = LabelTime(1, "bug é", AS_OF - DAY, None)
    with connect() as con:
        load(con, World(AS_OF, [issue(1, labels=[label])]))
        assert unfit_patterns(label_names(con), patterns) == unfit


def steps_without_events(thread: Thread) -> dict[str, Any]:
    """The lifecycle's row, and the last day's flow, of a pull request whose timeline nobody read."""
    world = World(AS_OF, [thread])
    with connect() as con:
        load(con, world)
        con.execute("delete from conversation_event")
        build_conversations(con, AS_OF, options_of(world))
        (row,) = con.table("mart_pull_request_lifecycle").to_arrow_table().to_pylist()
        day = con.table("mart_pull_request_flow").to_arrow_table().to_pylist()[-1]
    return row | day


@pytest.mark.parametrize(
    ("moves", "open_seconds", "at_end"),
    [
        ([], 30 * 86_400, 1),
        ([moved("closed", AS_OF - 29 * DAY)], 86_400, 0),
        ([moved("merged", AS_OF - 28 * DAY)], 2 * 86_400, 0),
        ([moved("closed", AS_OF - 29 * DAY), moved("reopened", AS_OF - 20 * DAY)], 30 * 86_400, 1),
    ],
)
def test_without_a_timeline_the_snapshot_alone_tells(moves: list[Move], open_seconds: int, at_end: int):
    row = steps_without_events(pull_request(1, *moves))
    assert (row["open_seconds"], row["open_at_end"]) == (open_seconds, at_end)


def test_without_a_timeline_a_draft_was_opened_as_one():
    row = steps_without_events(pull_request(1, moved("drafted", AS_OF - DAY)))
    assert (row["drafts_at_end"], row["ready_at"]) == (1, None)


def test_what_only_the_snapshot_tells_takes_effect_after_what_was_told():
    thread = pull_request(1, moved("closed", AS_OF - 20 * DAY), moved("reopened", AS_OF - 10 * DAY))
    world = World(AS_OF, [thread])
    with connect() as con:
        load(con, world)
        con.execute("delete from conversation_event where event_type = 'reopened'")
        build_conversations(con, AS_OF, options_of(world))
        rows = con.table("mart_pull_request_flow").to_arrow_table().to_pylist()
    assert [(row["flow_date"], row["open_at_end"]) for row in rows if row["reopened_count"]] == [
        (AS_OF.date(), 1)
    ]


@pytest.mark.parametrize(
    ("moves", "told"),
    [
        ([], "closed"),
        ([], "convert_to_draft"),
        ([moved("drafted", AS_OF - 20 * DAY)], "ready_for_review"),
        ([moved("closed", AS_OF - 20 * DAY)], "reopened"),
    ],
)
def test_what_a_conversation_tells_of_the_time_after_the_record_waits_for_the_next_record(
    moves: list[Move], told: str
):
    """A list takes hours to read: many are closed between their record and their conversation."""
    world = World(AS_OF, [pull_request(1, *moves)])
    with connect() as con:
        load(con, world)
        con.execute("update conversation_event set event_type = ? where occurred_at > ?", [told, AS_OF])
        build_conversations(con, AS_OF, options_of(world))
        for name in ("mart_pull_request_lifecycle", "mart_pull_request_flow"):
            made = con.table(name).to_arrow_table().to_pylist()
            assert compared(name, made, ORACLES[name][0](world)).wrong == []


def test_who_comments_twice_is_one_of_the_people():
    row = row_of("mart_trending_issue", issue(1, said(ASKER, AS_OF - DAY), said(ASKER, AS_OF - 2 * DAY)))
    assert row is not None
    assert (row["comment_count"], row["people_count"]) == (2, 1)


def test_reactions_that_nobody_told_count_as_none():
    world = World(AS_OF, [issue(1, said(ASKER, AS_OF - DAY))])
    with connect() as con:
        load(con, world)
        con.execute("delete from issue_reaction")
        build_conversations(con, AS_OF, options_of(world))
        (row,) = con.table("mart_trending_issue").to_arrow_table().to_pylist()
    assert {value for name, value in row.items() if "reaction" in name} == {0}


def test_an_issue_counts_in_a_share_from_the_very_end_of_its_days():
    row = row_of("mart_first_response_monthly", issue(1, said(OWNER, AS_OF), created_at=AS_OF - 3 * DAY))
    assert row is not None
    assert row["share_answered_within_1d"] == 0
    assert row["share_answered_within_3d"] == 1
    assert row["share_answered_within_7d"] is None


@pytest.mark.parametrize("kind", ["closed", "merged"])
@pytest.mark.parametrize("has_events", [True, False])
def test_a_pull_request_that_ended_before_it_was_opened_ended_as_it_was_opened(
    kind: str, *, has_events: bool
):
    """GitHub's clocks differ: closed_at lies before created_at now and then, if need be on the day before."""
    created_at = datetime(2024, 5, 10, tzinfo=UTC)
    thread = pull_request(1, moved(kind, created_at - timedelta(seconds=1)), created_at=created_at)
    if has_events:
        row, days = (
            marts_of(World(AS_OF, [thread]))[f"mart_pull_request_{name}"] for name in ("lifecycle", "flow")
        )
        assert ([one["open_at_end"] for one in days], row[0]["open_seconds"]) == ([0] * 6, 0)
    else:
        row = steps_without_events(thread)
        assert (row["open_seconds"], row["open_at_end"]) == (0, 0)


def test_a_merge_dated_in_the_month_before_the_creation_is_in_the_creations_month():
    created_at = datetime(2024, 2, 1, tzinfo=UTC)
    review = Word("review", created_at, OWNER, "OWNER", "APPROVED")
    merge = moved("merged", created_at - timedelta(seconds=1))
    world = World(AS_OF, [pull_request(1, merge, created_at=created_at, words=[review])])
    marts = marts_of(world)
    (life,) = marts["mart_pull_request_lifecycle"]
    assert (life["merged_at"], life["closed_at"], life["approved_at"]) == (created_at,) * 3
    assert not life["is_merged_without_review"]
    month, day = marts["mart_pull_request_monthly"][0], marts["mart_pull_request_flow"][0]
    assert (month["month"], month["merged_count"]) == (day["flow_date"], day["merged_count"])
    assert (month["month"], month["merged_count"], month["median_merge_seconds"]) == (date(2024, 2, 1), 1, 0)
    people = marts["mart_contributor_monthly"]
    assert [row["absence_factor"] for row in people] == [1] * 4
    assert judged(world).wrong == []
