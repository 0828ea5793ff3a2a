"""Every refusal in one form: `application/problem+json` (RFC 9457) with a `detail` for people."""

import logging
from http import HTTPStatus

import duckdb
import msgspec
import pyarrow as pa
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gitpulse_assets.answers.errors import FirstSyncUnfinished, NotCollected, UnknownFilter, UnknownRepository
from gitpulse_assets.answers.window import WindowError
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.metrics.clock import TooLong
from gitpulse_assets.metrics.event_days import NoEvents
from gitpulse_assets.metrics.parameters import BadParameter
from gitpulse_assets.repo import InvalidRepo

MEDIA_TYPE = "application/problem+json"
# The site only reads; the framework names GET alone, and for its files nothing.
READING = "GET, HEAD"
logger = logging.getLogger(__name__)


class BadRequest(Exception):
    """The parameters are each right but not together; str() says why."""


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Refuse with a reason."""
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the package and of the framework as a problem."""
    known = {
        UnknownRepository: 404,
        FirstSyncUnfinished: 409,
        NotCollected: 409,
        WindowError: 422,
        InvalidRepo: 422,
        BadRequest: 422,
        UnknownFilter: 422,
        BadParameter: 422,
        TooLong: 422,
        NoEvents: 404,
    }
    for error, status in known.items():
        app.add_exception_handler(error, _told(status))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for error in (LakeError, duckdb.Error, pa.ArrowException):
        app.add_exception_handler(error, _unreadable)
    app.add_exception_handler(Exception, _failed)


def _told(status: int):
    def handle(request: Request, error: Exception) -> Response:
        return problem(status, str(error))

    return handle


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    lines = [
        f"{detail['loc'][-1]}: {str(detail['msg'])[:1].lower()}{detail['msg'][1:]}"
        for detail in error.errors()
    ]
    return problem(422, "; ".join(lines))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = READING
    return problem(error.status_code, str(error.detail), headers)


def _unreadable(request: Request, error: Exception) -> Response:
    # The line names places and settings: it is for who runs the server, not for who asks it.
    logger.error("%s: %s", request.url.path, error)
    return problem(
        503, "the tables cannot be read at the moment; the server's log says why", {"Retry-After": "30"}
    )


def _failed(request: Request, error: Exception) -> Response:
    return problem(500, "the server failed; its log says why")
