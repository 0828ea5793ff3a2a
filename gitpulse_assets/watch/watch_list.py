"""What a person wants watched: `gitpulse.yaml` and GITPULSE_REPOS, read and checked.

Pure: which repositories an organisation has is asked elsewhere, and what is done about them too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from gitpulse_assets.repo import InvalidRepo, Repo
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.texts.text_file import NotText, read_text
from gitpulse_assets.watch.calendars import UnknownCalendar, known_holidays, known_time_zone

DEFAULT_FILES = (Path("gitpulse.yaml"), Path("/etc/gitpulse/gitpulse.yaml"))
VARIABLE = "GITPULSE_REPOS"
DEFAULT_OVERLAP_MINUTES = 10
DEFAULT_WAITING_LABELS = ("pending*response*", "pending-close*", "needs-info*", "waiting*")
DEFAULT_TIME_ZONE = "UTC"
DEFAULT_RESPONSE_DAYS = 2

# What a wrong value of a field is answered with; the field's name is the last word of its path.
EXAMPLES = {
    "overlap_minutes": "overlap_minutes: 10",
    "bots": "bots: [stale-robot]",
    "waiting_labels": "waiting_labels: ['needs-info*', 'waiting*']",
    "response_days": "response_days: 2",
    "include": "include: ['airflow*']",
    "exclude": "exclude: ['*-site']",
    "include_archived": "include_archived: true",
    "include_forks": "include_forks: true",
    "defaults": "defaults: {overlap_minutes: 10}",
    "repositories": "repositories: [microsoft/onnxruntime]",
    "organizations": "organizations: [apache]",
}
GENERAL_EXAMPLE = "repositories: [microsoft/onnxruntime, {name: apache/airflow, overlap_minutes: 20}]"


def by_name(value: object) -> object:
    """Take the short form, a name alone."""
    return {"name": value} if isinstance(value, str) else value


def found_by(look_up: Callable[[str], str]) -> AfterValidator:
    """Hold a name against what is known, and say in its own words what is not."""

    def look(name: str) -> str:
        try:
            return look_up(name)
        except UnknownCalendar as error:
            raise PydanticCustomError("unknown_calendar", "{told}", {"told": str(error)}) from None

    return AfterValidator(look)


class SaidOptions(BaseModel):
    """What can be said of a repository; what is not said follows the organisation's, then the defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    overlap_minutes: int | None = Field(default=None, ge=0, le=1440)
    bots: Annotated[list[str], Field(max_length=200)] | None = None
    waiting_labels: Annotated[list[Annotated[str, Field(min_length=1)]], Field(max_length=100)] | None = None
    time_zone: Annotated[str, found_by(known_time_zone)] | None = None
    holidays: Annotated[str, found_by(known_holidays)] | None = None
    response_days: int | None = Field(default=None, ge=0, le=365)


class NamedRepository(SaidOptions):
    """A repository of the file with what is said of it."""

    name: str


class WatchedOrganization(SaidOptions):
    """An owner whose repositories are taken by patterns of their names."""

    name: str
    include: list[str] = ["*"]
    exclude: list[str] = []
    include_archived: bool = False
    include_forks: bool = False

    def takes(self, name: str) -> bool:
        """Whether a repository of this name, without the owner's, is wanted by its name."""
        lowered = name.lower()
        return any(fnmatchcase(lowered, pattern.lower()) for pattern in self.include) and not any(
            fnmatchcase(lowered, pattern.lower()) for pattern in self.exclude
        )

    def takes_repo(self, repo: Repo) -> bool:
        """Whether a repository is this owner's, and wanted by its name."""
        return self.owner == repo.owner and self.takes(repo.name)

    @property
    def owner(self) -> str:
        """Its login in lower case, as keys have it."""
        return self.name.lower()


OPTIONS = tuple(SaidOptions.model_fields)


class WatchFile(BaseModel):
    """The file as it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    defaults: SaidOptions = SaidOptions()
    repositories: list[Annotated[NamedRepository, BeforeValidator(by_name)]] = []
    organizations: list[Annotated[WatchedOrganization, BeforeValidator(by_name)]] = []


@dataclass(frozen=True)
class RepoOptions:
    """The options in force for one repository.

    Minutes of overlap; logins (lower case) that are bots; shell patterns of the labels that wait for an
    answer; the time zone and the holidays (a country's, none where empty) of its business days; within how
    many of them people are promised an answer.
    """

    overlap_minutes: int = DEFAULT_OVERLAP_MINUTES
    bots: tuple[str, ...] = ()
    waiting_labels: tuple[str, ...] = DEFAULT_WAITING_LABELS
    time_zone: str = DEFAULT_TIME_ZONE
    holidays: str = ""
    response_days: int = DEFAULT_RESPONSE_DAYS


@dataclass(frozen=True)
class WatchList:
    """Everything wanted: repositories with where they are named, and organisations."""

    origins: dict[Repo, str] = field(default_factory=dict)
    organizations: tuple[WatchedOrganization, ...] = ()
    named: dict[Repo, SaidOptions] = field(default_factory=dict)
    defaults: SaidOptions = field(default_factory=SaidOptions)

    @property
    def repos(self) -> list[Repo]:
        """The repositories that are named one by one."""
        return list(self.origins)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is named, by itself or by patterns."""
        return not self.origins and not self.organizations

    def names(self, repo: Repo) -> bool:
        """Whether a repository is named, by itself or by an organisation's patterns."""
        return repo in self.origins or any(place.takes_repo(repo) for place in self.organizations)

    def options(self, repo: Repo) -> RepoOptions:
        """What holds for a repository, also for one that nobody watches (the defaults)."""
        said: dict[str, Any] = {}
        for layer in (self.defaults, *reversed(list(self._said_of(repo)))):
            said |= {name: value for name in OPTIONS if (value := getattr(layer, name)) is not None}
        bots = tuple(sorted({login.lower() for login in said.pop("bots", ())}))
        waiting = tuple(said.pop("waiting_labels", DEFAULT_WAITING_LABELS))
        return RepoOptions(**said, bots=bots, waiting_labels=waiting)

    def _said_of(self, repo: Repo) -> Iterator[SaidOptions]:
        if repo in self.named:
            yield self.named[repo]
        yield from (place for place in self.organizations if place.takes_repo(repo))


def watch_list(settings: Settings) -> WatchList:
    """Read the watch list.

    Raises SettingsError with one line for each thing that is wrong: file, line, what, and a right example.
    """
    path = watch_file(settings)
    from_file = read_file(path) if path else WatchList()
    origins, organizations = dict(from_file.origins), list(from_file.organizations)
    for name in settings.watched_names:
        if organization := pattern_of(name):
            organizations.append(organization)
        else:
            origins.setdefault(Repo.parse(name), VARIABLE)
    return WatchList(origins, tuple(organizations), from_file.named, from_file.defaults)


def watch_file(settings: Settings) -> Path | None:
    """The file in force, None where there is none."""
    return settings.watch_file or next(filter(may_exist, DEFAULT_FILES), None)


def may_exist(path: Path) -> bool:
    """A folder that may not be entered hides its file: reading says so, leaving it out would not."""
    try:
        return path.exists()
    except PermissionError:
        return True


def repo_options(settings: Settings, repo: Repo) -> RepoOptions:
    """What the watch list says of a repository; raises SettingsError."""
    return watch_list(settings).options(repo)


def pattern_of(name: str) -> WatchedOrganization | None:
    """Read `owner/pattern` as an organisation; None where it has no `*`."""
    owner, _, pattern = name.strip().partition("/")
    return WatchedOrganization(name=owner, include=[pattern]) if "*" in pattern else None


def read_file(path: Path) -> WatchList:
    """Read the file; raises SettingsError with a line for each trouble, numbered as in the file."""
    try:
        text = read_text(path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except NotText as error:
        raise SettingsError(f"GITPULSE_CONFIG: {error}") from None
    except OSError as error:
        advice = "name a YAML file that GitPulse's user may read"
        raise SettingsError(f"GITPULSE_CONFIG: {path} cannot be read ({error.strerror}); {advice}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "it is no YAML"
        raise SettingsError(f"{path}:{line}: {problem}; for example {GENERAL_EXAMPLE}") from None
    return checked(path, root, {} if content is None else content)


def checked(path: Path, root: yaml.Node | None, content: object) -> WatchList:
    """Make the list of what the file says; raises SettingsError."""
    troubles = [*repeated_keys(root)]
    try:
        file = WatchFile.model_validate(content)
    except ValidationError as error:
        troubles += [(tuple(detail["loc"]), str(detail["msg"])) for detail in error.errors()]
        raise SettingsError(told(path, root, troubles)) from None
    result = WatchList(defaults=file.defaults)
    organizations = list(enumerate(file.organizations))
    for index, named in enumerate(file.repositories):
        place = ("repositories", index, "name")
        try:
            if organization := pattern_of(named.name):
                options = named.model_dump(exclude={"name"})
                organizations.append((index, organization.model_copy(update=options)))
                continue
            repo = Repo.parse(named.name)
        except InvalidRepo as error:
            troubles.append((place, str(error)))
            continue
        if repo in result.origins:
            troubles.append((place, f"{repo} stands here a second time; take one out"))
        result.origins[repo] = path.name
        result.named[repo] = named
    troubles += list(wrong_organizations(file.organizations))
    if troubles:
        raise SettingsError(told(path, root, troubles))
    return WatchList(
        result.origins, tuple(organization for _, organization in organizations), result.named, file.defaults
    )


Trouble = tuple[tuple[Any, ...], str]


def wrong_organizations(organizations: Sequence[WatchedOrganization]) -> Iterator[Trouble]:
    """The organisations that are no owner, or stand twice."""
    seen: set[str] = set()
    for index, organization in enumerate(organizations):
        place = ("organizations", index, "name")
        try:
            Repo.parse(f"{organization.name}/x")
        except InvalidRepo:
            yield place, f"{organization.name!r} is not an organisation; write its name alone, as in apache"
        if organization.owner in seen:
            yield place, f"{organization.owner} stands here a second time; put its patterns together"
        seen.add(organization.owner)


def repeated_keys(node: yaml.Node | None, path: tuple[Any, ...] = ()) -> Iterator[Trouble]:
    """Find keys written twice, of which YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[object] = set()
        for key, value in node.value:
            place = (*path, key.value)
            if key.value in seen:
                yield place, "stands here a second time; YAML would keep only the last"
            seen.add(key.value)
            yield from repeated_keys(value, place)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from repeated_keys(value, (*path, index))


def told(path: Path, root: yaml.Node | None, troubles: Sequence[Trouble]) -> str:
    """The troubles as lines that begin with the file's name and line."""
    return "\n".join(
        f"{path}:{line_of(root, place)}: {spelled(place)}{lower_first(message)}{example(place, message)}"
        for place, message in troubles
    )


def line_of(node: yaml.Node | None, place: Sequence[Any]) -> int:
    """The line, from 1, of the deepest part of the place that stands in the file."""
    line = node.start_mark.line if node else 0
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if not found:
                break
            line, node = found[-1][0].start_mark.line, found[-1][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            element: yaml.Node = node.value[part]
            line, node = element.start_mark.line, element
    return line + 1


def spelled(place: Sequence[Any]) -> str:
    """A place in the file as one would write it: repositories[0].name."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place]
    return f"{''.join(parts).removeprefix('.')}: " if parts else ""


def lower_first(message: str) -> str:
    """The message as it goes on after a colon."""
    return message[:1].lower() + message[1:]


def example(place: Sequence[Any], message: str) -> str:
    """What helps, where the message itself does not say it."""
    if "; " in message:
        return ""
    if "Extra inputs" in message:
        return f"; known are {', '.join(known_fields(place))}"
    field_names = [part for part in place if isinstance(part, str)]
    return f"; for example {EXAMPLES.get(field_names[-1] if field_names else '', GENERAL_EXAMPLE)}"


def known_fields(place: Sequence[Any]) -> list[str]:
    """The fields that could stand where an unknown one does."""
    models: dict[str, type[BaseModel]] = {
        "repositories": NamedRepository,
        "organizations": WatchedOrganization,
        "defaults": SaidOptions,
    }
    model = models.get(str(place[0])) if len(place) > 1 else WatchFile
    return list((model or WatchFile).model_fields)
