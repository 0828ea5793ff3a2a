"""What a request is about, so far as it decides which token asks: a repository, an account, or all."""

from dataclasses import dataclass

from gitpulse_assets.repo import Repo


@dataclass(frozen=True)
class Owner:
    """An organisation or a user, whose repositories are listed; in lower case."""

    owner: str

    @property
    def key(self) -> str:
        """A key that no repository has."""
        return f"{self.owner}/*"

    def __str__(self) -> str:
        return self.owner


@dataclass(frozen=True)
class Firehose:
    """All of GitHub, whose public events are shown in part."""

    owner: str = "*"
    key: str = "*/*"

    def __str__(self) -> str:
        return "the firehose"


Target = Repo | Owner | Firehose
