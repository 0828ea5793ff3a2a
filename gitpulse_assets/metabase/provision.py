"""Makes Metabase's connection, collection, cards and dashboard what they should be, and nothing else.

Each is found by its name in its place, made where it is missing, changed where it differs and left where it
does not; whatever people made beside them stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitpulse_assets.metabase.cards import (
    CARDS,
    card_body,
    dashboard_card,
    dashboard_parameters,
)
from gitpulse_assets.metabase.client import Metabase

NAME = "GitPulse"
MEMORY_LIMIT = "1GB"
DASHBOARD_NAME = "Open issue backlog"
DASHBOARD_DESCRIPTION = (
    "Is the open issue backlog growing or shrinking, and what drives it? One window for every card."
)


@dataclass
class Provisioned:
    """What was made, changed and left as it was, in numbers of things, and where the dashboard is."""

    made: int = 0
    changed: int = 0
    kept: int = 0
    dashboard_id: int = 0


def provision(metabase: Metabase, init_sql: str, repository: str) -> Provisioned:
    """Bring everything up to date. `init_sql` makes the views, `repository` is what cards show at first."""
    done = Provisioned()
    database_id = provide_database(metabase, init_sql, done)
    collection_id = provide_collection(metabase, done)
    card_ids = provide_cards(metabase, database_id, collection_id, repository, done)
    done.dashboard_id = provide_dashboard(metabase, collection_id, card_ids, repository, done)
    return done


def provide_database(metabase: Metabase, init_sql: str, done: Provisioned) -> int:
    """Connect Metabase's own DuckDB, in memory, to the views."""
    details = {
        "database_file": ":memory:",
        "read_only": False,
        "memory_limit": MEMORY_LIMIT,
        "init_sql": init_sql,
    }
    body = {"name": NAME, "engine": "duckdb", "details": details}
    listed = metabase.get("/api/database")["data"]
    found = next((database for database in listed if database["name"] == NAME), None)
    current = metabase.get(f"/api/database/{found['id']}") if found else None
    return provide(metabase, "/api/database", current, body, done)


def provide_collection(metabase: Metabase, done: Provisioned) -> int:
    """Keep the cards and the dashboard in a collection of their own."""
    listed = metabase.get("/api/collection")
    found = next((one for one in listed if one["name"] == NAME and not one.get("archived")), None)
    return provide(metabase, "/api/collection", found, {"name": NAME}, done)


def provide_cards(
    metabase: Metabase, database_id: int, collection_id: int, repository: str, done: Provisioned
) -> list[int]:
    """Return the cards' ids, in the order of CARDS."""
    known = items(metabase, collection_id, "card")
    ids = []
    for card in CARDS:
        current = metabase.get(f"/api/card/{known[card.title]}") if card.title in known else None
        body = card_body(card, database_id, collection_id, repository)
        ids.append(provide(metabase, "/api/card", current, body, done))
    return ids


def provide_dashboard(
    metabase: Metabase, collection_id: int, card_ids: list[int], repository: str, done: Provisioned
) -> int:
    """Put the cards on the dashboard; a card that people put there too stays."""
    known = items(metabase, collection_id, "dashboard")
    about = {"name": DASHBOARD_NAME, "description": DASHBOARD_DESCRIPTION, "collection_id": collection_id}
    about["parameters"] = dashboard_parameters(repository)
    if DASHBOARD_NAME not in known:
        known[DASHBOARD_NAME] = int(metabase.post("/api/dashboard", about)["id"])
    current = metabase.get(f"/api/dashboard/{known[DASHBOARD_NAME]}")
    placed = {dashcard["card_id"]: dashcard for dashcard in current.get("dashcards", [])}
    wanted = [
        dashboard_card(card, card_id, placed[card_id]["id"] if card_id in placed else -position)
        for position, (card, card_id) in enumerate(zip(CARDS, card_ids, strict=True), start=1)
    ]
    others = [one for one in current.get("dashcards", []) if one["card_id"] not in card_ids]
    return provide(metabase, "/api/dashboard", current, {**about, "dashcards": [*wanted, *others]}, done)


def provide(
    metabase: Metabase, path: str, current: Mapping[str, Any] | None, body: dict[str, Any], done: Provisioned
) -> int:
    """Make a thing, change it, or leave it where it is as it should be; return its id."""
    if current is None:
        done.made += 1
        return int(metabase.post(path, body)["id"])
    if differs(body, current):
        metabase.put(f"{path}/{current['id']}", body)
        done.changed += 1
    else:
        done.kept += 1
    return int(current["id"])


def items(metabase: Metabase, collection_id: int, model: str) -> dict[str, int]:
    """Return the ids of what a collection holds, by name."""
    answer = metabase.get(f"/api/collection/{collection_id}/items", models=model)
    return {item["name"]: int(item["id"]) for item in answer["data"]}


def differs(wanted: Any, found: Any) -> bool:
    """Say whether something wanted is not as found; what Metabase adds of its own does not matter."""
    if isinstance(wanted, dict):
        return not isinstance(found, Mapping) or any(
            differs(value, found.get(key)) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            not isinstance(found, list)
            or len(wanted) != len(found)
            or any(differs(one, other) for one, other in zip(wanted, found, strict=True))
        )
    return wanted != found
