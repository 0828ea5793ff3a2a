"""Keys of the lake for every name GitHub allows."""

from hypothesis import given
from hypothesis import strategies as st

from gitpulse_assets.contracts.bronze import ISSUES, MANIFEST
from gitpulse_assets.lake import paths
from gitpulse_assets.repo import Repo

owners = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,38}", fullmatch=True)
names = st.from_regex(r"[a-z0-9._-]{1,100}", fullmatch=True).filter(lambda n: n not in {".", ".."})
repos = st.builds(Repo, owners, names) | st.sampled_from(
    [
        Repo("microsoft", ".github"),
        Repo("vercel", "next.js"),
        Repo("a", "..."),
        Repo("a", "-"),
        Repo("a", "_commit.json"),
    ]
)


@given(repos)
def test_a_key_names_its_repository(repo: Repo):
    keys = [
        paths.table_key(MANIFEST, repo),
        paths.batch_key(ISSUES, repo, "run-1", 7),
        paths.commit_key("silver", repo),
        paths.plan_key("gold", repo),
    ]
    assert [paths.repo_of(key) for key in keys] == [repo] * len(keys)
    assert len(set(keys)) == len(keys)


@given(repos, repos)
def test_repositories_never_share_a_key(one: Repo, other: Repo):
    assert (paths.table_key(MANIFEST, one) == paths.table_key(MANIFEST, other)) == (one == other)


def test_the_layout_people_rely_on():
    repo = Repo.parse("Microsoft/.GitHub")
    folder = "repo_owner=microsoft/repo_name=.github"
    assert (
        paths.batch_key(ISSUES, repo, "r", 1) == f"bronze/github/issues/{folder}/run_id=r/batch-00001.parquet"
    )
    assert paths.table_key(MANIFEST, repo) == f"bronze/github/manifest/{folder}/data.parquet"
    assert paths.commit_key("silver", repo) == f"silver/_commit/{folder}/_commit.json"


def test_keys_of_no_repository():
    assert paths.repo_of("_staging/_scratch/x") is None
