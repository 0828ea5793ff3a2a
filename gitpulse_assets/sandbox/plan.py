"""How a generated repository shall behave: its size, its tendency and how often each oddity happens."""

from dataclasses import dataclass
from typing import Literal

Tendency = Literal["growing", "shrinking", "neither"]


@dataclass(frozen=True)
class HistoryPlan:
    """Parameters of one generated history; a share is a share of the issues unless said otherwise.

    `has_people`: pull requests are reviewed, drafted and talked about, as `people` does it.
    `repository_id`, `first_label_id`: large ones, as of today, unless said.

    `issue_count` issues are opened in the `day_count` days before the world's clock, and further ones at the
    same rate as the clock advances. A record is 3.7 KB beside its body, so records have 4 KB in the mean.
    """

    full_name: str
    seed: int = 1
    issue_count: int = 400
    day_count: int = 400
    tendency: Tendency = "growing"
    pull_request_share_of_records: float = 0.3
    body_bytes_mean: int = 400
    former_names: tuple[str, ...] = ()
    has_issues: bool = True
    reopened_share: float = 0.08
    closed_again_share: float = 0.02
    transferred_in_share: float = 0.01
    transferred_out_share: float = 0.01
    unreadable_share_of_transfers: float = 0.34
    deleted_share: float = 0.01
    converted_share: float = 0.01
    kept_open_share_of_conversions: float = 0.25
    hidden_share: float = 0.004
    returning_share_of_hidden: float = 0.7
    ghost_share: float = 0.02
    bot_share: float = 0.03
    late_event_share_of_closings: float = 0.1
    not_planned_share_of_closings: float = 0.12
    bulk_closings_per_year: float = 2.5
    bulk_share_of_backlog: float = 0.06
    bulk_touches_per_year: float = 6.0
    touches_per_issue: float = 1.5
    label_renames_per_year: float = 2.0
    login_renames_per_year: float = 6.0
    closed_before_created_share: float = 0.0
    closed_at_null_share_of_closings: float = 0.0
    closed_on_arrival_share_of_transfers: float = 0.0
    has_people: bool = False
    repository_id: int | None = None
    first_label_id: int | None = None
