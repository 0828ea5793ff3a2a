"""Which repositories only some accounts see, and what the others are told: that there is none.

An account is a token, or `installation N` for the tokens of a GitHub App's installation.
"""

from dataclasses import dataclass, field

from gitpulse_assets.sandbox.messages import Request, Response, graphql_query, json_response, not_found
from gitpulse_assets.sandbox.model import Repository
from gitpulse_assets.sandbox.world import World


@dataclass
class Privacy:
    """`readers`: the accounts that see a private repository, by its name in lower case."""

    readers: dict[str, frozenset[str]] = field(default_factory=dict)

    def sees(self, account: str, repository: Repository) -> bool:
        """Whether an account sees a repository; every account sees what is not private."""
        return account in self.readers.get(repository.full_name.lower(), frozenset({account}))

    def refusal(self, request: Request, account: str, world: World, *, is_graphql: bool) -> Response | None:
        """The answer to a question about a repository the account does not see; None for any other."""
        name = asked_by_graphql(request.body) if is_graphql else asked_by_rest(request.path, world)
        repository = world.repository(name) if name else None
        if repository is None or self.sees(account, repository):
            return None
        if not is_graphql:
            return not_found()
        message = f"Could not resolve to a Repository with the name '{name}'."
        error = {"type": "NOT_FOUND", "path": ["repository"], "message": message}
        return json_response(200, {"data": {"repository": None}, "errors": [error]})


def asked_by_rest(path: str, world: World) -> str:
    """The repository a path names, by name or number; "" for any other path."""
    parts = path.split("/")
    if path.startswith("/repos/") and len(parts) > 3:
        return "/".join(parts[2:4])
    if path.startswith("/repositories/") and parts[2].isdecimal():
        repository = world.repositories.get(int(parts[2]))
        return repository.full_name if repository else ""
    return ""


def asked_by_graphql(body: bytes) -> str:
    """The repository a query is about by its variables; "" for one by node ids, or none that can be read."""
    try:
        _, variables = graphql_query(body)
    except ValueError:
        return ""
    return f"{variables['owner']}/{variables['name']}" if {"owner", "name"} <= set(variables) else ""
