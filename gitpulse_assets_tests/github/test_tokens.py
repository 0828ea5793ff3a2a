import pickle

import pytest
from pydantic import SecretStr

from gitpulse_assets.github.errors import BadToken, LimitReached
from gitpulse_assets.github.tokens import Tokens
from gitpulse_assets.repo import Repo

REPOS = [Repo("octo", f"demo-{number}") for number in range(400)]


def tokens(*values):
    return Tokens([SecretStr(value) for value in values])


def holder(pool, repo):
    return next(value for value in ("tok-a", "tok-b", "tok-c") if "[token]" in pool.first(repo).mask(value))


def test_the_tokens_share_the_load():
    names = [tokens("tok-a", "tok-b").first(repo).name for repo in REPOS]
    assert 140 < names.count("token 1 of 2") < 260


def test_a_repository_stays_with_its_token_in_any_order_of_the_tokens():
    one, other = tokens("tok-a", "tok-b"), tokens("tok-b", "tok-a")
    assert [holder(one, repo) for repo in REPOS] == [holder(other, repo) for repo in REPOS]


def test_a_further_token_takes_repositories_over_and_moves_none_between_the_others():
    before, after = tokens("tok-a", "tok-b"), tokens("tok-a", "tok-b", "tok-c")
    moved = [repo for repo in REPOS if holder(before, repo) != holder(after, repo)]
    assert 0 < len(moved) < 200
    assert {holder(after, repo) for repo in moved} == {"tok-c"}


def test_no_token_is_no_authentication():
    assert tokens().first(REPOS[0]) is None
    assert len(tokens()) == 0


@pytest.mark.parametrize("text", ["", "  ", "ghp_a\nb", "ghp_ä", "ghp a"])
def test_a_text_that_cannot_be_a_token_is_refused_without_repeating_it(text):
    with pytest.raises(BadToken, match="token 2 of 2") as caught:
        tokens("tok-a", text)
    assert "ghp" not in str(caught.value)


def test_blanks_around_a_token_are_cut():
    assert tokens(" tok-a\n").mask("x tok-a") == "x [token]"


def test_neither_the_tokens_nor_one_of_them_shows_in_a_repr(token):
    pool = tokens(token)
    assert token not in f"{pool!r} {pool} {pool.first(REPOS[0])!r} {vars(pool)} {vars(pool.first(REPOS[0]))}"


def test_errors_survive_being_sent_between_processes():
    error = pickle.loads(pickle.dumps(LimitReached("a\n b", REPOS[0])))  # type: ignore[arg-type]
    assert (str(error), error.resumes_at) == ("a b", REPOS[0])
