"""A count that was taken while something moved settles nothing, and is taken again."""

import pytest

from gitpulse_assets_tests.field.lists import LIST, REPO, Watched


@pytest.mark.parametrize("departure", ["delete", "hide"])
@pytest.mark.parametrize("number", [1, 3, 5], ids=["first-page", "middle", "last-page"])
def test_27_an_open_issue_that_leaves_during_the_walk_is_noticed_by_the_next_run(
    tmp_path, monkeypatch, departure, number
):
    """Before, the next refresh was unchanged and did not count: one open issue too many for good."""
    watched = Watched(tmp_path)
    acts = watched.world.acts_on(REPO.key)
    answer = watched.product.app.answer
    leaving = next(i for i in acts.repository.issues.values() if i.state == "open" and not i.is_pull_request)

    def leave_meanwhile(request):
        reply = answer(request)
        if len(watched.asked(LIST)) == number and leaving.number in acts.repository.issues:
            getattr(acts, departure)(leaving, watched.world.clock)
        return reply

    monkeypatch.setattr(watched.product.app, "answer", leave_meanwhile)
    watched.sync()
    watched.world.clock += 3600
    watched.sync()
    assert watched.present_count() == len(acts.repository.listed)
    assert not [words for words in watched.product.unknown_slices() if "GitHub counts" in words]
    watched.world.clock += 3600
    assert watched.sync().walk_kind == "unchanged"
    assert watched.asked("graphql") == []
