"""What the history lacks where GitHub Enterprise Server is too old to tell it, by names it does not know.

The names are those of GitHub's GraphQL schema and of the keys of its REST records. Who asks does without
them; the verdict says what is missing then.
"""

# Each completes "issues of which the server is too old to tell …".
LOST: dict[str, str] = {
    "ConvertedToDiscussionEvent": "conversions to discussions, which count as closed",
    "enableDuplicate": "duplicates from what was closed as not planned, in their timelines",
    "stateReason": "why they were closed, beyond what their records say",
    "state_reason": "why they were closed, in their records",
}
