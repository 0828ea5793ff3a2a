"""The columns of silver that the marts of conversations read."""

import pyarrow as pa

from gitpulse_assets.contracts.model import UTC_TIMESTAMP
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, REPOSITORY
from gitpulse_assets_tests.contributors.truth import REACTIONS


def type_of(name: str) -> pa.DataType:
    """By the name's ending, as names are given here."""
    if name.endswith("_at"):
        return UTC_TIMESTAMP
    if name.endswith("_date"):
        return pa.date32()
    if name.startswith("is_"):
        return pa.bool_()
    counted = ("_id", "_number", "_count", "position")
    return pa.int64() if name.endswith(counted) and name != "event_id" else pa.string()


def schema(names: str) -> pa.Schema:
    return pa.schema([(name, type_of(name)) for name in ("repo_owner", "repo_name", *names.split())])


SCHEMAS = {
    "repository": pa.schema(
        [REPOSITORY.arrow_schema.field(name).with_nullable(True) for name in ("repo_owner", "repo_name")]
    ),
    "issue_current": pa.schema([field.with_nullable(True) for field in ISSUE_CURRENT.arrow_schema]),
    "conversation_thread": schema(
        "issue_id thread_number is_pull_request author_association thread_updated_at is_complete fetched_at"
    ),
    "thread_opening": schema("issue_id author_association"),
    "issue_comment": schema(
        "comment_id thread_number author_login author_id author_type author_association created_at "
        "fetched_at last_fetched_at"
    ),
    "conversation_event": schema(
        "event_id issue_id thread_number is_pull_request event_type occurred_at position actor_login "
        "actor_id actor_type actor_association review_id review_state comment_id closer_type fetched_at "
        "last_fetched_at"
    ),
    "review": schema(
        "review_id issue_id pull_request_number author_login author_id author_type author_association state "
        "state_submitted submitted_at dismissed_at fetched_at last_fetched_at"
    ),
    "review_comment": schema(
        "comment_id review_id pull_request_number author_login author_id author_type author_association "
        "created_at submitted_at settled_at fetched_at last_fetched_at"
    ),
    "label_span": schema(
        "issue_id thread_number is_pull_request label_id label_name span_number from_at to_at"
    ),
    "pull_request_current": schema(
        "issue_id pull_request_number title state is_draft author_login author_id author_type created_at "
        "updated_at closed_at merged_at merged_by_login merged_by_id merged_by_type comment_count "
        "departed_at fetched_at is_last_closing_by_commit"
    ),
    "issue_reaction": schema(
        "issue_id reaction_count " + " ".join(f"reaction_{kind}_count" for kind in REACTIONS)
    ),
    "organization_member": schema("org_login user_id from_date to_date first_look_at"),
    "organization_look": schema("org_login looked_at is_taken"),
}
