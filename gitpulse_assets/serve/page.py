"""The page for people; what it shows comes from `answers/`, as the API's figures do."""

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

page_router = APIRouter(include_in_schema=False)


@page_router.get("/", response_class=HTMLResponse)
def index(request: Request) -> str:
    """List the repositories, each with a link to its verdict."""
    rows = [
        f'<li><a href="/api/repository/{status.repo}/verdict">{escape(status.full_name)}</a></li>'
        for status in request.app.state.answers.repositories()
    ]
    return f"<!doctype html><title>GitPulse</title><h1>GitPulse</h1><ul>{''.join(rows)}</ul>"
