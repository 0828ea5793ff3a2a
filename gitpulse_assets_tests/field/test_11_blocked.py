"""11: why a repository is blocked, and where to authorise a token, are told.

ossf/allstar#36 and slapperwan/gh4a#651 (451 with `block`), josegonzalez/python-github-backup#163;
github/docs#31661 and mcanouil/quarto-wizard#323 (the address in x-github-sso).
"""

import pytest

from gitpulse_assets.github.errors import Forbidden
from gitpulse_assets.sandbox.faults import ALWAYS, Fault, blocked, sso_required
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.field.client_reader import client_of, names, world_of

KEY = "acme/rocket"
NOTICE = "https://example.org/notice"
SINCE = "2026-05-01T10:00:00Z"
SSO = "https://example.org/sso?authorization_request=1"


def refusal(fault: Fault) -> str:
    with (
        serve(world_of(KEY), faults=[fault]) as sandbox,
        client_of(sandbox, "ghp_1") as client,
        pytest.raises(Forbidden) as refused,
    ):
        names(client, KEY)
    return str(refused.value)


def test_11_a_takedown_tells_reason_day_and_notice():
    told = refusal(blocked(451, {"reason": "dmca", "created_at": SINCE, "html_url": NOTICE}))
    assert f"blocked for dmca since {SINCE}, see {NOTICE}; take it off the watch list" in told


def test_11_a_block_with_403_and_no_notice_tells_its_reason():
    told = refusal(blocked(403, {"reason": "tos", "created_at": SINCE, "html_url": None}))
    assert f"blocked for tos since {SINCE}; take it off" in told


def test_11_the_address_of_single_sign_on_is_told():
    assert f"authorise the token for single sign-on at {SSO}" in refusal(sso_required(SSO))


@pytest.mark.parametrize("block", [{}, {"reason": None}])
def test_11_cousin_a_block_that_says_nothing(block):
    assert "blocked for no reason given; take it off" in refusal(blocked(451, block))


@pytest.mark.parametrize("body", ["[]", "<html>", '{"message": "No", "block": "yes"}', ""])
def test_11_cousin_a_refusal_of_another_form(body):
    told = refusal(Fault("status", times=ALWAYS, status=403, body=body or " "))
    assert "check what the token may read" in told


def test_11_cousin_a_missing_permission_is_named():
    headers = {"x-accepted-github-permissions": "issues=read"}
    body = '{"message": "Resource not accessible by personal access token"}'
    told = refusal(Fault("status", times=ALWAYS, status=403, body=body, headers=headers))
    assert "give the token the permission issues=read" in told
