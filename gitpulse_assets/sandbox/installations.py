"""A GitHub App as the stand-in knows it: its public key, where it is installed, the tokens it was given.

Tokens end an hour after they were given, by the world's clock. Which requests need one is `app`'s affair.
"""

import re
from dataclasses import dataclass, field

from gitpulse_assets.sandbox.messages import Request, Response, json_response, not_found, problem
from gitpulse_assets.sandbox.times import iso
from gitpulse_assets.sandbox.world import World

TOKEN_PREFIX = "ghs_"
TOKEN_SECONDS = 3600
ACCESS_TOKENS = re.compile(r"/app/installations/(\d+)/access_tokens")
OF_REPOSITORY = re.compile(r"/(?:repos/([^/]+/[^/]+)|repositories/(\d+))/installation")
OF_ACCOUNT = re.compile(r"/(orgs|users)/([^/]+)/installation")


@dataclass
class Installations:
    """`owners`: installation ids by the account's name in lower case; `public_key_pem` checks the JWTs.

    `selected`: the names (lower case) of the repositories an owner chose for the App, else it has all;
    `suspended`: installations that give no tokens; `users`: owners that are no organisations.
    """

    app_id: str
    public_key_pem: str
    owners: dict[str, int]
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)
    selected: dict[str, frozenset[str]] = field(default_factory=dict)
    suspended: frozenset[int] = frozenset()
    users: frozenset[str] = frozenset()

    def answer(self, request: Request, world: World) -> Response | None:
        """Answer a request to the App's own paths, or None for any other."""
        asked = ACCESS_TOKENS.fullmatch(request.path)
        of_repository = OF_REPOSITORY.fullmatch(request.path)
        of_account = OF_ACCOUNT.fullmatch(request.path)
        if not (asked or of_repository or of_account or request.path == "/app/installations"):
            return None
        if trouble := self._trouble(request.token):
            return problem(401, trouble)
        if asked and request.method == "POST":
            return self._grant(int(asked[1]), world.clock)
        if of_repository:
            return self._of_repository(request, world, of_repository[1], of_repository[2])
        if of_account:
            is_kind = (of_account[1] == "users") == (of_account[2].lower() in self.users)
            return self._installation(of_account[2].lower()) if is_kind else not_found()
        return json_response(200, [self._told(owner) for owner in self.owners])

    def is_refused(self, token: str, now: int) -> bool:
        """Whether a text that looks like an installation's token is none, or none any more."""
        return token.startswith(TOKEN_PREFIX) and now >= self.tokens.get(token, (0, 0))[1]

    def account(self, token: str) -> str:
        """Whose quota a token uses: all tokens of an installation share one."""
        return f"installation {self.tokens[token][0]}" if token in self.tokens else token

    def _of_repository(
        self, request: Request, world: World, name: str | None, number: str | None
    ) -> Response:
        repository = world.repository(name) if name else world.repositories.get(int(number or 0))
        if repository is None:
            return not_found()
        if name and repository.full_name.lower() != name.lower():
            # As GitHub gives it: without the origin.
            path = f"/repositories/{repository.repository_id}/installation"
            return json_response(301, {"message": "Moved Permanently", "url": path}, {"location": path})
        owner = repository.owner.lower()
        is_chosen = repository.name.lower() in self.selected.get(owner, {repository.name.lower()})
        return self._installation(owner) if is_chosen else not_found()

    def _installation(self, owner: str) -> Response:
        return json_response(200, self._told(owner)) if owner in self.owners else not_found()

    def _told(self, owner: str) -> dict[str, object]:
        number = self.owners[owner]
        return {
            "id": number,
            "account": {"login": owner},
            "repository_selection": "selected" if owner in self.selected else "all",
            "suspended_at": "2026-05-01T10:00:00Z" if number in self.suspended else None,
        }

    def _grant(self, installation: int, now: int) -> Response:
        if installation not in self.owners.values():
            return not_found()
        if installation in self.suspended:
            return problem(403, "This installation has been suspended")
        token = f"{TOKEN_PREFIX}{installation}_{len(self.tokens) + 1}"
        self.tokens[token] = (installation, now + TOKEN_SECONDS)
        return json_response(201, {"token": token, "expires_at": iso(now + TOKEN_SECONDS)})

    def _trouble(self, token: str) -> str:
        """What is wrong with a JWT, in GitHub's words; its times are by the real clock, as the App's are."""
        import jwt

        try:
            claims = jwt.decode(
                token,
                self.public_key_pem,
                algorithms=["RS256"],
                options={"require": ["iat", "exp", "iss"]},
            )
        except jwt.PyJWTError:
            return "A JSON web token could not be decoded"
        if claims["iss"] != self.app_id:
            return "'Issuer' claim ('iss') must be an Integer or a client id of this App"
        too_long = claims["exp"] - claims["iat"] > 600 + 60
        return "'Expiration time' claim ('exp') is too far in the future" if too_long else ""
