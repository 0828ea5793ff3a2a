import gzip

import graphql
import pytest

from gitpulse_assets.github.graphql import load_document
from gitpulse_assets.github.lifecycle import CONVERSATION, FRAGMENTS, ITEM_TYPES

DOCUMENTS = [
    load_document("lifecycle_by_ids", FRAGMENTS),
    load_document("lifecycle_walk", FRAGMENTS),
    load_document("timeline_page", FRAGMENTS[1:]),
    load_document(CONVERSATION.by_ids, CONVERSATION.fragments),
    load_document(CONVERSATION.further_page, CONVERSATION.further_fragments),
    load_document("issue_counts"),
    load_document("repository_size"),
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


def test_the_item_types_asked_for_exist(github_schema):
    known = github_schema.type_map["IssueTimelineItemsItemType"].values
    assert {*ITEM_TYPES, *CONVERSATION.item_types["itemTypes"]} <= known.keys()
    of_pull_requests = github_schema.type_map["PullRequestTimelineItemsItemType"].values
    assert set(CONVERSATION.item_types["pullRequestItemTypes"]) <= of_pull_requests.keys()


def test_no_document_uses_a_deprecated_field(github_schema):
    for document in DOCUMENTS:
        rules = [graphql.NoDeprecatedCustomRule]
        assert graphql.validate(github_schema, graphql.parse(document), rules) == []
