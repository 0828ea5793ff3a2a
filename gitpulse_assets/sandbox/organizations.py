"""The organisations of the stand-in: who is a member, who shows it, and who may see the others.

What happened is written down as it happens, for tests; what is served is the present state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitpulse_assets.sandbox.messages import Request, Response, json_response, not_found, problem
from gitpulse_assets.sandbox.model import User, node_id
from gitpulse_assets.sandbox.render import API, WEB, user_json

MEMBERS_MAX = 100


@dataclass(frozen=True, slots=True)
class MemberFact:
    """Somebody `joined` or `left` at `at` (Unix seconds)."""

    at: int
    kind: str
    user: User


@dataclass(eq=False)
class OrganizationActs:
    """An organisation and what happens to it.

    `hidden`: the ids of members who do not show that they are. `roles`: the role (admin, member) of the owner
    of a token, by the token. `empty_lists`: how many answers more are empty, as the list's sometimes are.
    """

    login: str
    organization_id: int
    members: dict[int, User] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    roles: dict[str, str] = field(default_factory=dict)
    empty_lists: int = 0
    facts: list[MemberFact] = field(default_factory=list)

    def join(self, user: User, at: int, *, is_hidden: bool = False) -> None:
        """Let somebody in."""
        self.members[user.user_id] = user
        if is_hidden:
            self.hidden.add(user.user_id)
        self.facts.append(MemberFact(at, "joined", user))

    def leave(self, user: User, at: int) -> None:
        """Let a member go."""
        del self.members[user.user_id]
        self.facts.append(MemberFact(at, "left", user))

    def members_at(self, at: int) -> set[int]:
        """The ids of who was a member at a moment, by what was written down."""
        found: set[int] = set()
        for fact in self.facts:
            if fact.at <= at:
                (found.add if fact.kind == "joined" else found.discard)(fact.user.user_id)
        return found

    def seen_by(self, token: str) -> list[User]:
        """The members whom the owner of a token is shown, in GitHub's order."""
        is_member = token in self.roles
        shown = (user for user_id, user in self.members.items() if is_member or user_id not in self.hidden)
        return sorted(shown, key=lambda user: user.user_id)


def members_response(organization: OrganizationActs | None, request: Request) -> Response:
    """Answer `GET /orgs/{org}/members`."""
    if organization is None:
        return not_found()
    page, per_page = (
        _whole(request.query.get(name), default) for name, default in (("page", 1), ("per_page", 30))
    )
    per_page = min(per_page, MEMBERS_MAX)
    if organization.empty_lists:
        organization.empty_lists -= 1
        return Response(200, b"[]")
    users = organization.seen_by(request.token)
    body = ",".join(user_json(user) for user in users[(page - 1) * per_page : page * per_page])
    last = -(-len(users) // per_page)
    url = f"{request.origin}/organizations/{organization.organization_id}/members?per_page={per_page}"
    links = f'<{url}&page={page + 1}>; rel="next", <{url}&page={last}>; rel="last"'
    return Response(200, f"[{body}]".encode(), {"link": links} if page < last else {})


def membership_response(organization: OrganizationActs | None, request: Request) -> Response:
    """Answer `GET /user/memberships/orgs/{org}`: as what the token's owner is a member."""
    if not request.token:
        return problem(401, "Requires authentication")
    role = organization.roles.get(request.token) if organization else None
    if organization is None or role is None:
        return not_found()
    return json_response(200, membership(organization, role))


def membership(organization: OrganizationActs, role: str) -> Mapping[str, Any]:
    """A membership as GitHub spells it."""
    api = f"{API}/orgs/{organization.login}"
    parts = ("repos", "events", "hooks", "issues")
    told = {f"{part}_url": f"{api}/{part}" for part in parts}
    return {
        "url": f"{api}/memberships/token-owner",
        "state": "active",
        "role": role,
        "organization_url": api,
        "user": None,
        "organization": {
            "login": organization.login,
            "id": organization.organization_id,
            "node_id": node_id("O", organization.organization_id),
            "url": api,
            **told,
            "members_url": f"{api}/members{{/member}}",
            "public_members_url": f"{api}/public_members{{/member}}",
            "avatar_url": f"{WEB}/{organization.login}.png",
            "description": None,
        },
    }


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and int(text) > 0 else default
