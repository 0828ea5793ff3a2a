"""The people, bots, labels and titles of a generated repository; all invented, no one's data."""

from random import Random

from gitpulse_assets.sandbox.model import Label, User, node_id

ADJECTIVES = (
    "amber",
    "brisk",
    "calm",
    "dapper",
    "eager",
    "fuzzy",
    "gentle",
    "hasty",
    "ivory",
    "jolly",
    "keen",
)
NOUNS = ("otter", "falcon", "maple", "badger", "comet", "harbor", "lantern", "pebble", "quartz", "raven")
SYMPTOMS = (
    "Crash when",
    "Wrong result when",
    "Slow when",
    "Unclear error when",
    'Option "strict" is ignored when',
    "Docs: explain",
    "Question about",
    "Allow",
)
SUBJECTS = (
    "reading an empty file",
    "writing to a full disk",
    "the name holds an ümlaut",
    "two writers start at once",
    "a backslash \\ ends the path",
    "the clock changes 🕑",
    "resuming after a time-out",
    "the cache is cold",
    "running on Windows",
)
LABELS = (
    ("bug", "d73a4a", "Something is not working", True),
    ("enhancement", "a2eeef", "New feature or request", True),
    ("documentation", "0075ca", "Improvements or additions to documentation", True),
    ("question", "d876e3", None, True),
    ("area: storage", "c5def5", None, False),
    ("area: ui", "bfdadc", None, False),
    ("performance", "fbca04", "It is slow", False),
    ("good first issue", "7057ff", "Good for newcomers", True),
    ("priority: high", "b60205", None, False),
    ("needs triage", "ededed", None, False),
)
MEMBER_COUNT = 6
CONTRIBUTOR_COUNT = 30


class Cast:
    """Who acts in one repository; a few people act often, most act once."""

    def __init__(self, rng: Random, person_count: int, first_id: int) -> None:
        self.rng = rng
        self.people = [_person(rng, first_id + 13 * index, index) for index in range(person_count)]
        self.stale_bot = _bot(first_id - 26, "stale")
        self.triage_bot = _bot(first_id - 13, "triage-helper")

    def member(self) -> User:
        """A maintainer."""
        return self.people[int(MEMBER_COUNT * self.rng.random() ** 2)]

    def anyone(self) -> User:
        """A person, frequent ones more often."""
        return self.people[int(len(self.people) * self.rng.random() ** 2)]

    def title(self) -> str:
        """An issue's title, with quotes, backslashes and characters beyond ASCII among them."""
        return f"{self.rng.choice(SYMPTOMS)} {self.rng.choice(SUBJECTS)}"


def make_labels(first_id: int, repository_id: int) -> list[Label]:
    """The labels of one repository."""
    return [
        Label(first_id + 5 * index, name, color, description, is_default, repository_id)
        for index, (name, color, description, is_default) in enumerate(LABELS)
    ]


def _person(rng: Random, user_id: int, index: int) -> User:
    login = f"{rng.choice(ADJECTIVES)}-{rng.choice(NOUNS)}-{index}"
    association = (
        "MEMBER"
        if index < MEMBER_COUNT
        else "CONTRIBUTOR"
        if index < MEMBER_COUNT + CONTRIBUTOR_COUNT
        else "NONE"
    )
    return User(user_id, login, "User", node_id("U", user_id), association)


def _bot(user_id: int, name: str) -> User:
    return User(user_id, f"{name}[bot]", "Bot", node_id("BOT", user_id), "NONE")
