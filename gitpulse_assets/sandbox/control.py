"""Steers a running stand-in over HTTP, below /_sandbox/, for whoever is not in its process.

`POST advance` {"seconds": n} or {"to": time}; `POST faults` [{"kind": ...}, ...] replaces the rules (fields
as in `faults.Fault`); `GET requests` is the log. GitHub has nothing of the kind, so it costs no quota and is
not logged.
"""

import json
from dataclasses import asdict
from typing import Any

from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.messages import Request, Response, Served, json_response, problem
from gitpulse_assets.sandbox.times import iso
from gitpulse_assets.sandbox.world import World

CONTROL_PREFIX = "/_sandbox/"


def control(world: World, faults: list[Fault], log: list[Served], request: Request) -> Response:
    """Do what a control request asks; 400 with the reason for one that cannot be read."""
    action = (request.method, request.path.removeprefix(CONTROL_PREFIX))
    if action == ("GET", "requests"):
        # A token is a secret even here, where it is made up: show which requests shared one, not the token.
        return json_response(200, [asdict(served) | {"token": bool(served.token)} for served in log])
    try:
        content = json.loads(request.body or b"null")
        if action == ("POST", "advance"):
            world.advance(**content)
            return json_response(200, {"clock": iso(world.clock)})
        if action == ("POST", "faults"):
            faults[:] = [_fault(rule) for rule in content]
            return json_response(200, {"rule_count": len(faults)})
    except (ValueError, TypeError) as error:
        return problem(400, str(error))
    return problem(404, "Not Found")


def _fault(rule: dict[str, Any]) -> Fault:
    return Fault(**rule)
