"""What the stand-in lets be written: issues, opened and rewritten by who may, as GitHub's Actions do."""

import json
import re

from gitpulse_assets.sandbox.messages import Request, Response, json_response, not_found, problem
from gitpulse_assets.sandbox.model import Issue, User, node_id
from gitpulse_assets.sandbox.render import issue_bytes
from gitpulse_assets.sandbox.world import World

ISSUES = re.compile(r"/repos/([^/]+/[^/]+)/issues(?:/(\d+))?")
METHODS = {False: "POST", True: "PATCH"}
# As GitHub knows who a workflow's own token belongs to.
AUTHOR = User(41_898_282, "github-actions[bot]", "Bot", node_id("BOT", 41_898_282))
# A token that begins so may read only.
READ_ONLY = "read"


def is_writing(request: Request) -> bool:
    """Whether the request opens or rewrites an issue."""
    found = ISSUES.fullmatch(request.path)
    return bool(found) and request.method == METHODS[found[2] is not None]


def written(request: Request, world: World) -> Response:
    """Open an issue, or give one another title or text; the answer is the issue."""
    refused = refusal(request)
    if refused:
        return refused
    found = ISSUES.fullmatch(request.path)
    assert found
    repository = world.repository(found[1])
    if repository is None or not repository.has_issues:
        return not_found()
    content = json.loads(request.body)
    title, body, acts = content.get("title"), content.get("body"), world.acts_on(found[1])
    if found[2] is None:
        if not isinstance(title, str) or not title:
            return problem(422, "Validation Failed")
        issue = acts.open(world.clock, AUTHOR, title)
        acts.rewrite(issue, world.clock, AUTHOR, title, body or "")
        return told(201, issue)
    issue = repository.issues.get(int(found[2]))
    if issue is None:
        return not_found()
    acts.rewrite(issue, world.clock, AUTHOR, title or issue.title, body)
    return told(200, issue)


def told(status: int, issue: Issue) -> Response:
    """The issue as it is now."""
    return Response(status, issue_bytes(issue))


def refusal(request: Request) -> Response | None:
    """Why who asks may not write, or what is wrong with the body."""
    if not request.token:
        return json_response(401, {"message": "Requires authentication"})
    if request.token.startswith(READ_ONLY):
        return problem(403, "Resource not accessible by integration")
    try:
        is_object = isinstance(json.loads(request.body), dict)
    except ValueError:
        is_object = False
    return None if is_object else problem(400, "Problems parsing JSON")
