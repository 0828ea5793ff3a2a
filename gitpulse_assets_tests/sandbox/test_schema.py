"""Our GraphQL schema is a subset of GitHub's own."""

import gzip
from importlib.resources import files

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from gitpulse_assets.sandbox.graphql_types import load_schema


@pytest.fixture(scope="module")
def theirs(github_spec) -> GraphQLSchema:
    """GitHub's schema, whose published file repeats definitions."""
    with gzip.open(next(github_spec.glob("*.graphql.gz")), "rt") as file:
        return build_schema(file.read(), assume_valid_sdl=True, assume_valid=True)


def differences(ours: GraphQLSchema, theirs: GraphQLSchema) -> list[str]:
    """What ours has that GitHub's has not, or has otherwise."""
    found: list[str] = []
    for name, our_type in ours.type_map.items():
        if name.startswith("__"):
            continue
        their_type = theirs.type_map.get(name)
        if type(our_type) is not type(their_type):
            found.append(name)
        else:
            found += [f"{name}.{difference}" for difference in type_differences(our_type, their_type)]
    return found


def type_differences(ours, theirs) -> list[str]:
    if isinstance(ours, GraphQLEnumType):
        return sorted(ours.values.keys() - theirs.values.keys())
    if isinstance(ours, GraphQLUnionType):
        return sorted({type_.name for type_ in ours.types} - {type_.name for type_ in theirs.types})
    if isinstance(ours, GraphQLInputObjectType):
        return member_differences(ours.fields, theirs.fields)
    if not isinstance(ours, (GraphQLObjectType, GraphQLInterfaceType)):
        return []
    found = member_differences(ours.fields, theirs.fields)
    found += sorted({type_.name for type_ in ours.interfaces} - {type_.name for type_ in theirs.interfaces})
    for name in ours.fields.keys() & theirs.fields.keys():
        arguments = member_differences(ours.fields[name].args, theirs.fields[name].args)
        found += [f"{name}({argument})" for argument in arguments]
    return found


def member_differences(ours, theirs) -> list[str]:
    """Fields, input fields or arguments that GitHub lacks or types or defaults otherwise."""
    return [
        f"{name}: {member.type}"
        for name, member in ours.items()
        if name not in theirs
        or str(member.type) != str(theirs[name].type)
        or getattr(member, "default_value", None) != getattr(theirs[name], "default_value", None)
    ]


def test_our_schema_is_a_subset_of_githubs(theirs):
    assert differences(load_schema({}), theirs) == []


def test_required_arguments_of_githubs_are_ours_too(theirs):
    ours = load_schema({})
    for name, our_type in ours.type_map.items():
        for field_name, field in getattr(our_type, "fields", {}).items() if name[:2] != "__" else ():
            their_args = getattr(theirs.type_map[name].fields[field_name], "args", {})
            required = {arg for arg, definition in their_args.items() if str(definition.type).endswith("!")}
            assert required <= getattr(field, "args", {}).keys(), (name, field_name)


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("number: Int!\n  repository", "number: String!\n  repository"),
        ("isFork: Boolean!", "isForked: Boolean!"),
        ("DUPLICATE", "DUPLICATED"),
        ("issue(number: Int!)", "issue(number: Int)"),
        ("filterBy: IssueFilters", "filter: IssueFilters"),
        ("dryRun: Boolean = false", "dryRun: Boolean = true"),
    ],
)
def test_a_difference_is_found(theirs, field, changed):
    text = files("gitpulse_assets.sandbox").joinpath("schema.graphql").read_text()
    assert field in text
    assert differences(build_schema(text.replace(field, changed, 1)), theirs) != []


def test_every_field_is_resolved():
    unresolved = [
        f"{name}.{field_name}"
        for name, type_ in load_schema({}).type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
        for field_name, field in type_.fields.items()
        if field.resolve is None and name not in PLAIN_DICTS and (name, field_name) not in CONNECTED
    ]
    assert unresolved == []


PLAIN_DICTS = {
    "Query",
    "RateLimit",
    "PageInfo",
    "IssueConnection",
    "IssueCommentConnection",
    "PullRequestConnection",
    "PullRequestCommitConnection",
    "LabelConnection",
    "UserConnection",
    "IssueTimelineItemsConnection",
    "PullRequestTimelineItemsConnection",
}
CONNECTED = {
    ("Repository", "issues"),
    ("Issue", "timelineItems"),
    ("Issue", "comments"),
    ("PullRequest", "comments"),
    ("PullRequest", "timelineItems"),
    ("Issue", "labels"),
    ("Issue", "assignees"),
}
