import gzip

import graphql
import msgspec
import pytest

from gitpulse_assets.contracts.timeline import ISSUE_KINDS, KNOWN_KINDS, PULL_REQUEST_KINDS
from gitpulse_assets.github.graphql import load_document
from gitpulse_assets.github.lifecycle import CONVERSATION, FRAGMENTS
from gitpulse_assets.github.newer_kinds import NewerKinds, described, question_about

DOCUMENTS = [
    load_document("lifecycle_by_ids", FRAGMENTS),
    load_document("lifecycle_walk", FRAGMENTS),
    load_document("timeline_page", FRAGMENTS[1:]),
    load_document(CONVERSATION.by_ids, CONVERSATION.fragments) + NewerKinds().fragment,
    load_document(CONVERSATION.further_page, CONVERSATION.further_fragments) + NewerKinds().fragment,
    load_document("issue_counts"),
    load_document("repository_size"),
    question_about(["CLOSED_EVENT", "MERGED_EVENT"]),
]


@pytest.fixture(scope="module")
def github_schema(github_spec):
    text = gzip.decompress((github_spec / "octokit-graphql-schema-15.26.1.schema.graphql.gz").read_bytes())
    return graphql.build_schema(text.decode(), assume_valid_sdl=True)


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda text: graphql.parse(text).definitions[0].name.value
)
def test_every_document_is_valid_against_githubs_own_schema(github_schema, document):
    assert graphql.validate(github_schema, graphql.parse(document)) == []


def test_every_kind_of_event_of_githubs_is_asked_for_or_known_to_be_left_out(github_schema):
    of_issues = github_schema.type_map["IssueTimelineItemsItemType"].values.keys()
    of_pull_requests = github_schema.type_map["PullRequestTimelineItemsItemType"].values.keys()
    assert set(ISSUE_KINDS) <= of_issues
    assert set(PULL_REQUEST_KINDS) <= of_pull_requests
    assert of_issues | of_pull_requests == KNOWN_KINDS


def test_no_document_uses_a_deprecated_field(github_schema):
    for document in DOCUMENTS:
        rules = [graphql.NoDeprecatedCustomRule]
        assert graphql.validate(github_schema, graphql.parse(document), rules) == []


def test_were_every_kind_newer_what_is_asked_of_it_would_be_valid(github_schema):
    kinds = sorted(KNOWN_KINDS)
    told = graphql.graphql_sync(github_schema, question_about(kinds)).data
    data = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in told.items()}
    fragment = described({"itemTypes": kinds}, data).fragment
    assert fragment.count("createdAt") > 50
    document = load_document(CONVERSATION.by_ids, CONVERSATION.fragments) + fragment
    assert graphql.validate(github_schema, graphql.parse(document)) == []
