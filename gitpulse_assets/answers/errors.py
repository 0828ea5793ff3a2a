"""Why a question has no answer; str() of each is one line that says what to do."""

from gitpulse_assets.repo import Repo


class NoAnswer(Exception):
    """The lake does not hold what was asked for."""

    def __init__(self, repo: Repo, message: str) -> None:
        super().__init__(message)
        self.repo = repo


class UnknownRepository(NoAnswer):
    """Nothing was ever fetched of the repository."""

    def __init__(self, repo: Repo) -> None:
        super().__init__(repo, f"nothing is known of {repo} yet; run gitpulse refresh {repo}")


class FirstSyncUnfinished(NoAnswer):
    """Something was fetched, but no answer published yet."""

    def __init__(self, repo: Repo) -> None:
        super().__init__(
            repo, f"the first sync of {repo} is not finished; run gitpulse refresh {repo} to go on with it"
        )


class NotCollected(NoAnswer):
    """The repository was last refreshed without the subject that is asked for."""

    def __init__(self, repo: Repo) -> None:
        super().__init__(
            repo,
            f"no pull requests and conversations of {repo} are collected yet: it was last refreshed "
            f"where GITPULSE_SUBJECTS does not name contributors; run gitpulse refresh {repo}",
        )


class UnknownFilter(ValueError):
    """Nobody has heard of the label or the person; str() says which."""


class NotSettled(NoAnswer):
    """The ledger is newer than the marts, so that no answer can be told from both."""

    def __init__(self, repo: Repo) -> None:
        super().__init__(
            repo,
            f"the marts of {repo} are older than its ledger: a refresh is being published, or a check kept "
            f"them back (see its last run); run gitpulse refresh {repo}",
        )
