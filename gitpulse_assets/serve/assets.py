"""The page's script and style, served from this process: no other host is asked for anything.

Addresses carry a digest of their content, so that a browser keeps a file for ever and never uses an old one.
"""

import gzip
import hashlib
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from threading import Thread

from fastapi import APIRouter, FastAPI, Request, Response

from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.page.html import static, stylesheet
from gitpulse_assets.serve.media import takes_gzip

EXPORTED = "window.vegaEmbed = vegaEmbed;"
FOR_EVER = "public, max-age=31536000, immutable"
library = ResultCache(1)


@asynccontextmanager
async def warm_up(app: FastAPI):
    """Make the drawing library's bundle while the first page is computed; it takes a second or two."""
    Thread(target=drawing_library, name="drawing-library", daemon=True).start()
    yield


assets_router = APIRouter(prefix="/static", include_in_schema=False, lifespan=warm_up)


def drawing_library() -> bytes:
    """Return Vega, Vega-Lite and vega-embed as one script, compressed; one of several who ask makes it."""
    return library.get(EXPORTED, bundled)


def bundled() -> bytes:
    """Make the script and compress it."""

    import vl_convert

    return gzip.compress(vl_convert.javascript_bundle(EXPORTED).encode(), 6)


@cache
def asset_urls(root: str) -> dict[str, str]:
    """The addresses of style and scripts by their short names in the templates, and the site's first page.

    `root`: the path under which a proxy shows the site, without a slash at its end.
    """
    return {
        "root": f"{root}/",
        "css": f"{root}/static/page.css?v={digest(stylesheet())}",
        "page": f"{root}/static/page.js?v={digest(static('page.js'))}",
        "vega": f"{root}/static/vega.js?v={version('vl-convert-python')}",
    }


def digest(text: str) -> str:
    """What tells a file from its other versions."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@assets_router.get("/page.css")
def page_css() -> Response:
    """Serve the style."""
    return Response(stylesheet(), media_type="text/css", headers={"Cache-Control": FOR_EVER})


@assets_router.get("/page.js")
def page_js() -> Response:
    """Serve the script that draws the charts."""
    return Response(static("page.js"), media_type="text/javascript", headers={"Cache-Control": FOR_EVER})


@assets_router.get("/vega.js")
def vega_js(request: Request) -> Response:
    """Serve the drawing library, unpacked for those who ask for it plain."""
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
    packed = drawing_library()
    if takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(packed, media_type="text/javascript", headers=headers | {"Content-Encoding": "gzip"})
    return Response(gzip.decompress(packed), media_type="text/javascript", headers=headers)
