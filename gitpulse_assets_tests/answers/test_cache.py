"""What is kept is bounded, by its number and by what it weighs."""

from gitpulse_assets.answers.cache import ResultCache


def test_the_newest_are_kept_so_many():
    cache = ResultCache(2)
    for key in "abc":
        cache.get(key, key.upper)
    assert [key in cache for key in "abc"] == [False, True, True]


def test_large_results_leave_no_room_for_older_ones():
    cache = ResultCache(9, len, 10)
    for key, text in (("a", "1234"), ("b", "1234"), ("c", "1234")):
        cache.get(key, lambda text=text: text)
    assert [key in cache for key in "abc"] == [False, True, True]


def test_one_that_is_larger_than_all_may_be_is_kept_alone():
    """It is asked for twice, for its body and for its header."""
    cache = ResultCache(9, len, 10)
    for key, text in (("a", "1"), ("b", "1" * 99)):
        cache.get(key, lambda text=text: text)
    assert [key in cache for key in "ab"] == [False, True]
