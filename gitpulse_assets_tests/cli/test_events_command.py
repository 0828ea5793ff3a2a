"""`gitpulse events watch`: what it says of a poll, and what it refuses."""

from gitpulse_assets.commands.exit_codes import DONE, PARTIAL, WRONG_USE
from gitpulse_assets_tests.cli.conftest import REPO


def test_a_poll_says_what_came_and_what_may_be_missing(gitpulse):
    first = gitpulse("events", "watch", REPO.key, "--once")
    assert first.exit_code == DONE
    assert first.stdout.startswith("1 feed polled, 0 failed; ")
    assert "events served; first poll: nothing is known of before" in first.stderr
    again = gitpulse("events", "watch", REPO.key, "--once")
    assert again.stdout == "1 feed polled, 0 failed; 0 events new\n"
    assert again.stderr == ""


def test_a_feed_that_is_not_there_is_one_line_and_the_others_go_on(gitpulse):
    result = gitpulse("events", "watch", "acme/nowhere", REPO.key, "--once")
    assert result.exit_code == PARTIAL
    assert result.stdout.startswith("1 feed polled, 1 failed; ")
    assert "acme/nowhere is not found at 127.0.0.1" in result.stderr


def test_without_a_repository_it_says_where_to_name_one(gitpulse):
    result = gitpulse("events", "watch")
    assert result.exit_code == WRONG_USE
    assert "name a repository here, in gitpulse.yaml or in GITPULSE_REPOS" in result.stderr
