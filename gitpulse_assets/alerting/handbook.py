"""Writes the handbook's table of alerts from the rules; a test holds the two together.

`python -m gitpulse_assets.alerting.handbook docs/operations.md` renews it.
"""

from gitpulse_assets.alerting.rules import RULES
from gitpulse_assets.texts.written_parts import renew, with_part


def written(text: str) -> str:
    """Return the handbook with its table of alerts made anew."""
    return with_part(text, "alerts", table())


def table() -> str:
    """The table of alerts, in Markdown."""
    head = "| message | what it means | what to do |\n|---|---|---|\n"
    told = [each for rule in RULES for each in rule.told]
    return head + "".join(f"| *{each.message}* | {each.meaning} | {each.what_to_do} |\n" for each in told)


if __name__ == "__main__":
    renew(written)
