"""Pages of lists that say something false, each with status 200 and every sign of health.

Which request gets which is `faults`' rule; how a true page is made is `routes`' work.
"""

import json
import re
from typing import Any

from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.messages import Request, Response

LOST_OF_A_SHORT_PAGE = 40
NEXT = re.compile(r'<[^>]*>; rel="next"')


class ListFaults:
    """Turns a true page into a false one; remembers the page of another address served before."""

    def __init__(self) -> None:
        self._target, self._body, self._body_before = "", b"[]", b"[]"

    def applied(self, response: Response, request: Request, fault: Fault | None) -> Response:
        """The page as it is served; anything but a page of a list is left alone."""
        if response.status != 200 or not response.body.startswith(b"["):
            return response
        if request.target != self._target:
            self._target, self._body_before = request.target, self._body
        self._body = response.body
        if fault is not None:
            self._falsify(response, request, fault)
        return response

    def _falsify(self, response: Response, request: Request, fault: Fault) -> None:
        if fault.kind in ("no_link", "empty"):
            response.headers.pop("link", None)
        if fault.kind == "empty":
            response.body = b"[]"
        elif fault.kind == "short":
            response.body = _short(response.body, fault.state)
        elif fault.kind == "repeated":
            response.body = self._body_before
        elif fault.kind == "leads_back" and "link" in response.headers:
            kept = {k: v for k, v in request.query.items() if k not in ("page", "after")}
            query = "&".join(f"{name}={value}" for name, value in kept.items())
            back = f'<{request.origin}{request.path}?{query}>; rel="next"'
            response.headers["link"] = NEXT.sub(back, response.headers["link"])


def _short(body: bytes, state: str) -> bytes:
    records = json.loads(body)
    places = [place for place, record in enumerate(records) if state in ("", _state(record))]
    lost = set(places[-LOST_OF_A_SHORT_PAGE:])
    kept = [record for place, record in enumerate(records) if place not in lost]
    return json.dumps(kept, ensure_ascii=False).encode()


def _state(record: dict[str, Any]) -> str:
    return "pull_request" if record.get("pull_request") else record.get("state", "")
