"""Failures on demand: which requests shall fail, and how.

A rule counts the requests it matches; `app` asks before it answers and `delivery` breaks the connection.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "status",
    "reset",
    "truncated",
    "slow",
    "hang",
    "html",
    "secondary_limit",
    "primary_limit",
    "partial_data",
    "unserved_issue",
    "older_server",
    "forbidden_field",
    "unseen_nodes",
    "no_link",
    "empty",
    "short",
    "repeated",
    "leads_back",
]
ALWAYS = 1_000_000_000


@dataclass
class Fault:
    """One rule: of the requests whose path and query contain `match`, let `skip` pass, then fail `times`.

    `kind`: `status` answers `status` with `headers` and `body`; `reset` cuts the connection before an answer;
    `truncated` promises the whole answer and sends half; `slow` answers after `seconds`; `hang` never does;
    `html` is a proxy's page with status 200; `secondary_limit` is GitHub's, with `status` 403 or 429 and, if
    `retry_after_seconds` is set, a retry-after header; `primary_limit` uses the quota up until its reset;
    `partial_data` (GraphQL) nulls half of the nodes and adds a resource-limit error; `unserved_issue`
    (GraphQL) fails what would hold the issue `issue_number`, with `status`, as data null where that is 200;
    `older_server` knows none of the `fields` (`Issue.fullDatabaseId`, `Issue.stateReason.enableDuplicate` in
    GraphQL, keys of records in REST); `forbidden_field` (GraphQL) nulls the `fields` (`repository.issues`)
    for want of a permission; `unseen_nodes` (GraphQL) finds none of the nodes asked for by id. Not
    `has_codes`: the server is so old that it refuses in words alone.

    Of a list's page, with status 200: `no_link` is the page without its Link; `empty` a page without records
    or Link; `short` lacks its last 40 records (of `state`: open, closed, or pull_request), and its Link does
    not; `repeated` has the records of the page served before; `leads_back` names the list's first page as its
    next.

    `min_nodes` restricts a rule to GraphQL queries that ask for at least so many nodes, and to list pages of
    at least so many records, `token` to requests with this one.
    """

    kind: Kind
    match: str = ""
    skip: int = 0
    times: int = 1
    status: int = 502
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    retry_after_seconds: int | None = None
    min_nodes: int = 0
    issue_number: int = 0
    state: str = ""
    fields: tuple[str, ...] = ()
    has_codes: bool = True
    token: str = ""
    seen_count: int = 0

    def strikes(self, target: str, node_count: int = 0, token: str = "") -> bool:
        """Count a request and say whether it fails."""
        if self.match not in target or node_count < self.min_nodes or self.token not in ("", token):
            return False
        self.seen_count += 1
        return self.skip < self.seen_count <= self.skip + self.times


def web_page(status: int = 404, match: str = "") -> Fault:
    """A page for people, as a GitHub Enterprise Server gives beside its API, or a firewall, for good."""
    headers = {"content-type": "text/html; charset=utf-8"}
    page = "<!DOCTYPE html><title>Page not found</title>"
    return Fault("status", match, times=ALWAYS, status=status, body=page, headers=headers)


def blocked(status: int, block: dict[str, str | None], match: str = "") -> Fault:
    """A repository that GitHub blocked: `block` holds reason, created_at and html_url, as far as given."""
    body = json.dumps({"message": "Repository access blocked", "block": block})
    return Fault("status", match, times=ALWAYS, status=status, body=body)


def sso_required(url: str, match: str = "") -> Fault:
    """An organisation that wants the token authorised for single sign-on at `url`."""
    body = json.dumps({"message": "Resource protected by organization SAML enforcement."})
    headers = {"x-github-sso": f"required; url={url}"}
    return Fault("status", match, times=ALWAYS, status=403, body=body, headers=headers)


def first_striking(faults: list[Fault], target: str, node_count: int = 0, token: str = "") -> Fault | None:
    """The first rule that fails this request; every rule before it has counted it."""
    return next((fault for fault in faults if fault.strikes(target, node_count, token)), None)
