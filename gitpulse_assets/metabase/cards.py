"""The cards of the Metabase dashboard: which there are, how each is shown and where it stands.

What a card asks stands in `sql/metabase/`. Sending them is provision.py's.
"""

import re
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gitpulse_assets.answers.window import DEFAULT_WINDOW_DAYS
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.transform.sql_file import load_sql

SNIPPET = re.compile(r"\{\{snippet: (\w+)\}\}")
TAG = re.compile(r"\{\{(\w+)\}\}")
NAMESPACE = uuid.UUID("6d5f9a52-3a8c-4d0e-9d0a-6f2f3b6c9c11")
# Metabase's grid is 24 wide.
NUMBER = (6, 3)
HALF = (12, 6)
WHOLE = (24, 7)


@dataclass(frozen=True)
class Card:
    """One question: its SQL file, title, kind of display and place, as (column, row) and (width, height).

    `snippets`: what stands for `{{snippet: NAME}}` in the file; else the file of that name does, for a mart
    its own statement.
    """

    file: str
    title: str
    display: str
    place: tuple[int, int]
    size: tuple[int, int]
    shown: dict[str, Any] = field(default_factory=dict)
    snippets: dict[str, str] = field(default_factory=dict)

    @cached_property
    def sql(self) -> str:
        """The statement as Metabase is sent it."""

        def snippet(found: re.Match[str]) -> str:
            folder = "gold" if found[1].startswith("mart_") else "metabase"
            return self.snippets.get(found[1]) or load_sql(folder, found[1]).rstrip()

        return SNIPPET.sub(snippet, load_sql("metabase", self.file))

    @property
    def tags(self) -> list[str]:
        """The parameters the statement names, in the order of PARAMETERS."""
        named = set(TAG.findall(self.sql))
        return [parameter.name for parameter in PARAMETERS if parameter.name in named]


@dataclass(frozen=True)
class Parameter:
    """A filter of the dashboard and, of the same name, a variable of the cards."""

    name: str
    title: str
    variable_type: str
    filter_type: str
    default: Any = None

    @property
    def identity(self) -> str:
        """The same at every provisioning, so that nothing changes by being sent again."""
        return str(uuid.uuid5(NAMESPACE, self.name))

    @property
    def target(self) -> list[Any]:
        """The variable of a card, as Metabase names one."""
        return ["variable", ["template-tag", self.name]]


REPOSITORY = Parameter("repository", "Repository (owner/name)", "text", "string/=")
WINDOW_DAYS = Parameter("window_days", "Window in days", "number", "number/=", DEFAULT_WINDOW_DAYS)
LAST_DAY = Parameter("last_day", "Last day (UTC), else the last complete one", "date", "date/single")
PARAMETERS = (REPOSITORY, WINDOW_DAYS, LAST_DAY)


def _line(y_axis: str, *metrics: str, x_axis: tuple[str, str] = ("flow_date", "UTC day")) -> dict[str, Any]:
    return {
        "graph.dimensions": [x_axis[0]],
        "graph.metrics": list(metrics),
        "graph.x_axis.title_text": x_axis[1],
        "graph.y_axis.title_text": y_axis,
    }


def _bar(metric: str) -> dict[str, Any]:
    return {
        "graph.dimensions": ["weekday"],
        "graph.metrics": [metric],
        "graph.x_axis.title_text": "UTC weekday",
        "graph.y_axis.title_text": "issues",
    }


PERCENT = {"column_settings": {'["name","share"]': {"number_style": "percent", "decimals": 0}}}
MONTHS = {
    "graph.dimensions": ["closed_month"],
    "graph.metrics": ["median_days", "p90_days"],
    "graph.x_axis.title_text": "month of the closing",
    "graph.y_axis.title_text": "days from creation",
}
GREW, SHRANK = {"direction": "'up'"}, {"direction": "'down'"}

BACKLOG_CARDS = (
    Card("repository", "Repository", "scalar", (0, 0), NUMBER),
    Card("date_window", "Date window", "table", (6, 0), (18, 3)),
    Card("opened", "Opened", "scalar", (0, 3), NUMBER),
    Card("closed", "Closed", "scalar", (6, 3), NUMBER),
    Card("net_change", "Net change", "scalar", (12, 3), NUMBER),
    Card("direction", "Direction", "scalar", (18, 3), NUMBER),
    Card("cumulative_backlog", "Open issues", "line", (0, 6), WHOLE, _line("open issues", "open_issues")),
    Card(
        "seven_day_flow",
        "Opened and closed, 7 days",
        "line",
        (0, 13),
        HALF,
        _line("issues in 7 days", "opened_in_7_days", "closed_in_7_days"),
    ),
    Card(
        "seven_day_velocity",
        "Velocity, 7 days",
        "line",
        (12, 13),
        HALF,
        _line("net change in 7 days", "net_change_in_7_days"),
    ),
    Card("swing_days", "Days that grew the backlog most", "table", (0, 19), HALF, snippets=GREW),
    Card("swing_days", "Days that shrank it most", "table", (12, 19), HALF, snippets=SHRANK),
    Card("monthly_closure_age", "Closure age by month", "line", (0, 25), HALF, MONTHS),
    Card("share_closed_within_7d", "Closed within 7 days", "scalar", (12, 25), (12, 3), PERCENT),
    Card("share_closed_after_90d", "Closed after 90 days", "scalar", (12, 28), (12, 3), PERCENT),
    Card("opened_by_weekday", "Opened by weekday", "bar", (0, 31), HALF, _bar("opened")),
    Card("closed_by_weekday", "Closed by weekday", "bar", (12, 31), HALF, _bar("closed")),
    Card("issue_detail", "Issues", "table", (0, 37), (24, 12)),
)
CONVERSATION_CARDS = (
    Card("overdue", "Overdue for an answer", "scalar", (0, 49), NUMBER),
    Card("pending", "Answered a waiting label", "scalar", (6, 49), NUMBER),
    Card("who_waits", "Who waits for a maintainer's word", "table", (0, 52), (24, 12)),
    Card("trending", "Spoken of in the last 7 days", "table", (0, 64), HALF),
    Card(
        "open_pull_requests",
        "Open pull requests",
        "line",
        (12, 64),
        HALF,
        _line("pull requests", "open_pull_requests", "drafts"),
    ),
    Card(
        "active_people",
        "Active people by month",
        "line",
        (0, 70),
        HALF,
        _line("people", "active", "new", x_axis=("month", "UTC month")),
    ),
)
CARDS = (*BACKLOG_CARDS, *(CONVERSATION_CARDS if CONTRIBUTORS in chosen_subjects() else ()))


def card_body(card: Card, database_id: int, collection_id: int, repository: str) -> dict[str, Any]:
    """Describe a card to Metabase: `POST /api/card`. `repository`: what it shows unless told another."""
    chosen = [parameter for parameter in PARAMETERS if parameter.name in card.tags]
    return {
        "name": card.title,
        "description": description(card.sql),
        "display": card.display,
        "collection_id": collection_id,
        "visualization_settings": card.shown,
        "dataset_query": {
            "type": "native",
            "database": database_id,
            "native": {
                "query": card.sql,
                "template-tags": {parameter.name: _tag(parameter, repository) for parameter in chosen},
            },
        },
        "parameters": [
            {
                "id": parameter.identity,
                "name": parameter.title,
                "slug": parameter.name,
                "type": parameter.filter_type,
                "target": parameter.target,
                **_default(parameter, repository),
            }
            for parameter in chosen
        ],
    }


def dashboard_parameters(repository: str) -> list[dict[str, Any]]:
    """Describe the dashboard's filters: one window and one repository for every card."""
    return [
        {
            "id": parameter.identity,
            "name": parameter.title,
            "slug": parameter.name,
            "type": parameter.filter_type,
            **_default(parameter, repository),
        }
        for parameter in PARAMETERS
    ]


def dashboard_card(card: Card, card_id: int, dashcard_id: int) -> dict[str, Any]:
    """Describe a card's place on the dashboard, and that it follows the dashboard's filters."""
    (column, row), (width, height) = card.place, card.size
    mappings = [
        {"parameter_id": parameter.identity, "card_id": card_id, "target": parameter.target}
        for parameter in PARAMETERS
        if parameter.name in card.tags
    ]
    place = {"col": column, "row": row, "size_x": width, "size_y": height}
    return {"id": dashcard_id, "card_id": card_id, **place, "parameter_mappings": mappings}


def description(sql: str) -> str:
    """Return what the statement says of itself at its head."""
    lines = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def _tag(parameter: Parameter, repository: str) -> dict[str, Any]:
    default = _default_value(parameter, repository)
    given = {} if default is None else {"default": str(default), "required": True}
    return {
        "id": parameter.identity,
        "name": parameter.name,
        "display-name": parameter.title,
        "type": parameter.variable_type,
        **given,
    }


def _default(parameter: Parameter, repository: str) -> dict[str, Any]:
    default = _default_value(parameter, repository)
    return {} if default is None else {"default": [default]}


def _default_value(parameter: Parameter, repository: str) -> Any:
    return repository if parameter is REPOSITORY else parameter.default
