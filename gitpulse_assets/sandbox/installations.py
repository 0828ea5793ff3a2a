"""A GitHub App as the stand-in knows it: its public key, where it is installed, the tokens it was given.

Tokens end an hour after they were given, by the world's clock. Which requests need one is `app`'s affair.
"""

import re
from dataclasses import dataclass, field

from gitpulse_assets.sandbox.messages import Request, Response, json_response, not_found, problem
from gitpulse_assets.sandbox.times import iso

TOKEN_PREFIX = "ghs_"
TOKEN_SECONDS = 3600
ACCESS_TOKENS = re.compile(r"/app/installations/(\d+)/access_tokens")
OF_REPOSITORY = re.compile(r"/repos/([^/]+)/[^/]+/installation")


@dataclass
class Installations:
    """`owners`: installation ids by the account's name in lower case; `public_key_pem` checks the JWTs."""

    app_id: str
    public_key_pem: str
    owners: dict[str, int]
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)

    def answer(self, request: Request, now: int) -> Response | None:
        """Answer a request to the App's own paths, or None for any other."""
        asked = ACCESS_TOKENS.fullmatch(request.path)
        of_repository = OF_REPOSITORY.fullmatch(request.path)
        if not (asked or of_repository or request.path == "/app/installations"):
            return None
        if trouble := self._trouble(request.token):
            return problem(401, trouble)
        if asked and request.method == "POST":
            return self._grant(int(asked[1]), now)
        if of_repository:
            found = self.owners.get(of_repository[1].lower())
            return json_response(200, {"id": found}) if found else not_found()
        return json_response(200, [{"id": number} for number in self.owners.values()])

    def is_refused(self, token: str, now: int) -> bool:
        """Whether a text that looks like an installation's token is none, or none any more."""
        return token.startswith(TOKEN_PREFIX) and now >= self.tokens.get(token, (0, 0))[1]

    def account(self, token: str) -> str:
        """Whose quota a token uses: all tokens of an installation share one."""
        return f"installation {self.tokens[token][0]}" if token in self.tokens else token

    def _grant(self, installation: int, now: int) -> Response:
        if installation not in self.owners.values():
            return not_found()
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
