"""Names for issues by their labels, as GITPULSE_LABEL_GROUPS says. Issues are grouped in `sql/gold/`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelGroup:
    """A name for issues one of whose labels matches `pattern` (RE2, found anywhere, letter case ignored)."""

    name: str
    pattern: str


# The first group whose pattern is found in any of an issue's labels wins; an issue without one is "other".
DEFAULT_LABEL_GROUPS = (
    LabelGroup("bug", r"\bbugs?\b|defect|regression|crash"),
    LabelGroup("feature", r"feature|enhancement|proposal"),
    LabelGroup("docs", r"\bdocs?\b|documentation"),
    LabelGroup("question", r"question|\bsupport\b|how[- ]?to"),
)
