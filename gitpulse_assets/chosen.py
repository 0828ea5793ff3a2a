"""What can be collected beside the backlog of issues, and what is chosen of it in this process.

What is not chosen has no table, no asset, no statement and no request. Apart from the other settings: what is
declared depends on this one, and where they are checked that is known already.
"""

import re
from functools import cache
from types import ModuleType
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CONTRIBUTORS = "contributors"
SUBJECTS = (CONTRIBUTORS,)
ENV_FILE = ".env"


class ChosenSubjects(BaseSettings):
    """The settings that are read when the declarations are, and how all of them are read."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        case_sensitive=True,
        validate_default=False,
    )

    subjects: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        validation_alias="GITPULSE_SUBJECTS",
        description="What to collect beside the backlog of issues: contributors. Read when a process starts.",
    )

    has_comment_texts: bool = Field(
        default=False,
        validation_alias="GITPULSE_COMMENT_TEXTS",
        description="Whether the texts of comments are kept as received. Read when a process starts.",
    )

    @field_validator("subjects", mode="before")
    @classmethod
    def split_subjects(cls, value: str) -> tuple[str, ...]:
        """Names are separated by commas or spaces; there is one for each subject."""
        names = tuple(dict.fromkeys(name.lower() for name in re.split(r"[,\s]+", value) if name))
        for name in names:
            if name not in SUBJECTS:
                raise ValueError(f"there is no subject {name!r}; for example {CONTRIBUTORS}")
        return names


@cache
def chosen_subjects() -> tuple[str, ...]:
    """The subjects chosen; none where the settings cannot be read, which whoever needs them says."""
    try:
        return ChosenSubjects().subjects
    except (ValidationError, OSError, ValueError):
        return ()


@cache
def has_comment_texts() -> bool:
    """Whether the texts of comments are kept; not where the settings cannot be read."""
    try:
        return ChosenSubjects().has_comment_texts
    except (ValidationError, OSError, ValueError):
        return False


def is_chosen(module: ModuleType) -> bool:
    """Whether a module's declarations count: of `streams/` or `marts/`, where it may name its `SUBJECT`."""
    subject = getattr(module, "SUBJECT", None)
    return subject is None or subject in chosen_subjects()
