"""Contracts of an organisation's members: since when each was seen, and what each look at the list found."""

import pyarrow as pa

from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract

ORG_LOGIN = Column("org_login", pa.string(), "Login of the organisation, in lower case.", False)
IS_PUBLIC_ONLY = Column(
    "is_public_only",
    pa.bool_(),
    "Whether the list holds those members only who show their membership: whoever asked is no member.",
    False,
)

ORGANIZATION_MEMBER = TableContract(
    layer="silver",
    name="organization_member",
    description=(
        "Since when, and until when, the members of an organisation were seen in its list, in whole UTC "
        "days: somebody is a member on day d where from_date <= d < to_date. Who returns has a second row."
    ),
    grain="one stretch of days that a person was a member",
    key=("org_login", "user_id", "span_number"),
    order_by=("user_id", "span_number"),
    sample=("org_login", "user_id", "span_number"),
    columns=(
        ORG_LOGIN,
        Column("user_id", pa.int64(), "Numeric id of the person.", False),
        Column("span_number", pa.int64(), "1 for the first stretch, 2 for the next.", False),
        Column("user_login", pa.string(), "Login when last seen in the list.", False),
        Column("user_type", pa.string(), "User, as GitHub says; it may come to say more."),
        Column("from_date", pa.date32(), "UTC day on which first seen; null: since before the first look."),
        Column("to_date", pa.date32(), "UTC day of the first look without them; null: a member still."),
        Column(
            "first_look_at",
            UTC_TIMESTAMP,
            "When the organisation's list was first read whole; the same in every row.",
            False,
        ),
        IS_PUBLIC_ONLY,
    ),
    rules=(
        Rule(
            "span_is_not_empty",
            "to_date <= from_date",
            "Nobody stops being a member before or on the day they became one.",
        ),
    ),
    place="organization",
)

ORGANIZATION_LOOK = TableContract(
    layer="silver",
    name="organization_look",
    description=(
        "Every look at an organisation's list of members. One that is hard to believe changes nothing: it "
        "is kept aside until a look an hour or more later agrees."
    ),
    grain="one look",
    key=("org_login", "looked_at"),
    order_by=("looked_at",),
    sample=("org_login", "looked_at"),
    columns=(
        ORG_LOGIN,
        Column("looked_at", UTC_TIMESTAMP, "When the list was read, by GitHub's clock.", False),
        Column("member_count", pa.int64(), "How many it held.", False),
        Column("is_taken", pa.bool_(), "Whether members were changed by it.", False),
        Column(
            "doubt",
            pa.string(),
            "Why it was not believed at once: empty, fewer (more than half of ten or more are gone), "
            "another_token or another_right than the last taken; null: no doubt.",
        ),
        Column("joined_count", pa.int64(), "Members that are new since the last taken look.", False),
        Column("left_count", pa.int64(), "Members that are gone since.", False),
        Column("token", pa.string(), "Which token asked: a digest by which none can be found.", False),
        Column("role", pa.string(), "Its owner's role in the organisation; null: no member."),
        IS_PUBLIC_ONLY,
        Column(
            "aside_user_ids",
            pa.list_(pa.int64()),
            "Of a list that is kept aside, its members' ids; null once another look was taken.",
        ),
    ),
    place="organization",
)

MEMBER_CONTRACTS: tuple[TableContract, ...] = (ORGANIZATION_MEMBER, ORGANIZATION_LOOK)
