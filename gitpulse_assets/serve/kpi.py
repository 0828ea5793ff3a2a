"""The routes of the metrics: the catalogue, one of each metric, and those that earlier systems had.

What a metric counts stands in `metrics/`; here its parameters are documented and its answer is told.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.exceptions import HTTPException

from gitpulse_assets.metrics.answers import Answered, MetricAnswers, Question
from gitpulse_assets.metrics.catalogue import Metric
from gitpulse_assets.metrics.parameters import MetricParameter, Value, read_values
from gitpulse_assets.repo import Repo
from gitpulse_assets.serve.api import replies_of
from gitpulse_assets.serve.documents import refusals, row_example, row_schema
from gitpulse_assets.serve.media import MEDIA_TYPES
from gitpulse_assets.serve.parameters import FormatName, Name, Owner, refuse_unknown
from gitpulse_assets.serve.problems import BadRequest

Schema = dict[str, Any]

MOMENT: Schema = {"type": "string", "format": "date-time"}
STRETCHES: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["from_at", "to_at", "reason"],
        "properties": {"from_at": MOMENT, "to_at": MOMENT, "reason": {"type": "string"}},
    },
}
COUNT: Schema = {"type": "integer"}
COVERAGE: Schema = {
    "type": ["object", "null"],
    "description": (
        "How much of the time asked for is whole, by what each archive usually brings and by feeds that are "
        "proven whole; null where no public event is read."
    ),
    "properties": {
        "from_at": MOMENT | {"description": "The time asked for begins after it."},
        "to_at": MOMENT | {"description": "And ends with it: the newest event of any source."},
        "share_whole": {"type": "number", "description": "Whole hours' part of that time, 0 to 1."},
        "whole_hour_count": COUNT,
        "thin_hour_count": COUNT,
        "missing_hour_count": COUNT,
        "gaps": STRETCHES
        | {"description": "Hours of which no file was read and no feed is whole, or whose events ended."},
        "thin_hours": STRETCHES | {"description": "Hours that are not whole, with the reason."},
    },
}
QUALITY: Schema = {
    "type": "object",
    "required": ["verdict", "reason"],
    "properties": {
        "verdict": {"type": "string", "enum": ["whole", "thin"]},
        "reason": {"type": ["string", "null"], "description": "Why the figures are not the whole truth."},
    },
}
TEXT: Schema = {"type": "string"}
ABOUT: dict[str, Schema] = {
    "id": TEXT,
    "name": TEXT,
    "description": TEXT,
    "visualisation": {"type": "string", "enum": ["bar", "line", "value", "table"]},
    "unit": TEXT,
}
ENVELOPE: dict[str, Schema] = ABOUT | {
    "parameters": {"type": "object", "description": "As used, those by default too."},
    "as_of": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "The newest event of any source; of issues the moment they hold for.",
    },
    "coverage": COVERAGE,
    "data_quality": QUALITY,
}
TYPES = {"integer": "integer", "number": "number", "text": "string", "repository": "string"}
EXAMPLES = {"repository": "acme/rocket", "text": "text"}
REPOSITORY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}$"


def about(metric: Metric) -> dict[str, Any]:
    """What a metric is."""
    entry = metric.entry
    return {name: getattr(entry, name) for name in ABOUT}


def in_catalogue(metric: Metric) -> dict[str, Any]:
    """A metric as the catalogue lists it."""
    parameters = [one.model_dump() for one in metric.entry.parameters]
    return about(metric) | {"parameters": parameters, "columns": [column.name for column in metric.columns]}


def metrics_of(request: Request) -> MetricAnswers:
    """The application's metrics."""
    return request.app.state.metrics


def given_values(request: Request, metric: Metric, more: Mapping[str, str]) -> dict[str, Value]:
    """The metric's parameters as the address has them, and `more`; raises BadParameter and BadRequest."""
    given = [(name, text) for name, text in request.query_params.multi_items() if name != "format"]
    names = [name for name, _ in given]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadRequest(f"{', '.join(sorted(twice))}: given more than once")
    return read_values(metric.entry.parameters, {**dict(given), **more})


def reply(
    request: Request, metric: Metric, format_name: str | None, more: Mapping[str, str] | None = None
) -> Response:
    """Answer a metric."""
    answers = metrics_of(request)
    question = answers.question(metric, given_values(request, metric, more or {}))

    def told() -> tuple[dict[str, Any], Any]:
        answered = answers.answer(question)
        return envelope(question, answered), answered.rows

    return replies_of(request).table(
        request, question.version, format_name, told, lambda: quality(answers.answer(question)), "data"
    )


def envelope(question: Question, answered: Answered) -> dict[str, Any]:
    """What an answer says beside its rows."""
    return about(question.metric) | {"parameters": question.values} | answered.told()


def quality(answered: Answered) -> dict[str, str]:
    """The same for those who read rows alone, as a header, which has but ASCII."""
    told = f"thin; {answered.reason}" if answered.reason else "whole"
    return {"X-Data-Quality": told.encode("ascii", "replace").decode()}


def kpi_router(metrics: Sequence[Metric]) -> APIRouter:
    """The routes of these metrics."""
    routes, router = APIRouter(), APIRouter(tags=["metrics"], dependencies=[Depends(refuse_unknown)])
    add_catalogue(router, metrics)
    for metric in metrics:
        add_metric(router, f"/kpi/{metric.id}", metric)
    by_id = {metric.id: metric for metric in metrics}
    for path, name in EARLIER.items():
        add_metric(router, path, by_id[name])
    add_of_repository(router, by_id["avg_pr_time"])
    routes.include_router(router)
    add_unknown(routes, by_id)
    return routes


# What the earlier systems called them; offsets are minutes back from the newest event.
EARLIER = {
    "/api/events/count": "event_count_offset",
    "/api/repositories/active": "active_repositories",
    "/api/repositories/with_multiple_prs": "repositories_with_multiple_prs",
}


def add_catalogue(router: APIRouter, metrics: Sequence[Metric]) -> None:
    """Add the route that lists the metrics."""
    listed = [in_catalogue(metric) for metric in metrics]
    one: Schema = {
        "type": "object",
        "required": [*ABOUT, "parameters", "columns"],
        "properties": ABOUT
        | {
            "parameters": {"type": "array", "items": {"type": "object"}},
            "columns": {"type": "array", "items": TEXT},
        },
    }
    schema: Schema = {
        "type": "object",
        "required": ["metrics"],
        "properties": {"metrics": {"type": "array", "items": one}},
    }
    content = {MEDIA_TYPES["json"]: {"schema": schema, "example": {"metrics": listed[:1]}}}

    def catalogue(request: Request) -> Response:
        """List the metrics with their parameters."""
        return replies_of(request).record(request, repr(listed), lambda: {"metrics": listed})

    described = {200: {"description": "The catalogue.", "content": content}, 304: NOT_CHANGED}
    router.add_api_route("/kpi", catalogue, responses=described | refusals("401", "422", "429"))


NOT_CHANGED = {"description": "What `If-None-Match` names is still the answer."}


def add_metric(router: APIRouter, path: str, metric: Metric) -> None:
    """Add the route of a metric."""

    def route(request: Request, format: FormatName = None) -> Response:
        return reply(request, metric, format)

    add_route(router, path, metric, route, metric.entry.parameters)


def add_of_repository(router: APIRouter, metric: Metric) -> None:
    """Add the route of a metric of one repository, which its path names."""

    def route(request: Request, owner: Owner, name: Name, format: FormatName = None) -> Response:
        return reply(request, metric, format, {"repository": Repo.parse(f"{owner}/{name}").key})

    parameters = [one for one in metric.entry.parameters if one.name == metric.entry.window]
    add_route(router, f"/api/repository/{{owner}}/{{name}}/{metric.id}", metric, route, parameters)


def add_unknown(router: APIRouter, known: Mapping[str, Metric]) -> None:
    """Answer what is no metric with those that are."""

    @router.get("/kpi/{id}", include_in_schema=False)
    def unknown(request: Request, id: Annotated[str, Path()]) -> Response:
        raise HTTPException(404, f"{id[:40]!r} is no metric; known are {', '.join(known)}")


def add_route(
    router: APIRouter, path: str, metric: Metric, route: Any, parameters: Sequence[MetricParameter]
) -> None:
    """Add a route that answers with a metric, documented."""
    router.add_api_route(
        path,
        route,
        methods=["GET"],
        name=path.strip("/").replace("/", "_"),
        description=metric.entry.description,
        responses=described_replies(metric),
        openapi_extra={"parameters": [described(one) for one in parameters]},
    )


def described(parameter: MetricParameter) -> Schema:
    """A parameter as the document has it."""
    schema: Schema = {"type": TYPES[parameter.type]}
    bounds = ("minimum", "maximum") if parameter.is_number else ("minLength", "maxLength")
    if parameter.type == "repository":
        schema["pattern"] = REPOSITORY_PATTERN
    else:
        limits = zip(bounds, (parameter.min, parameter.max), strict=True)
        schema |= {name: limit for name, limit in limits if limit is not None}
    if parameter.default is not None:
        schema["default"] = parameter.default
    unit = f" Unit: {parameter.unit}." if parameter.unit else ""
    return {
        "name": parameter.name,
        "in": "query",
        "required": False,
        "description": parameter.meaning + unit,
        "schema": schema,
    }


def described_replies(metric: Metric) -> dict[int | str, Any]:
    """The replies of a metric's route as the document has them."""
    columns = [*metric.columns]
    data: Schema = {"type": "array", "items": row_schema(columns)}
    members = ENVELOPE | {"data": data}
    example = about(metric) | {
        "parameters": {one.name: one.default for one in metric.entry.parameters},
        "as_of": "2026-06-30T12:00:00Z",
        "coverage": None,
        "data_quality": {"verdict": "whole", "reason": None},
        "data": [row_example(columns)],
    }
    content: dict[str, Any] = {
        MEDIA_TYPES["json"]: {
            "schema": {"type": "object", "required": [*members], "properties": members},
            "example": example,
        },
        "text/csv": {"schema": TEXT},
        MEDIA_TYPES["parquet"]: {"schema": {"type": "string", "format": "binary"}},
    }
    return {
        200: {"description": "The answer, with its ETag.", "content": content},
        304: NOT_CHANGED,
        **refusals("401", "404", "422", "429", "503"),
    }
