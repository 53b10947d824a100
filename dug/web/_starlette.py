"""The application of a page: `make_application`; its files by a table of their names, and the answers of `Answers` as JSON.

All of it runs in the one thread of the server, so that `Answers` has one asker at a time.

`FILES` is that table; `_read_body` reads the JSON of a request.
"""

import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ._answers import Answers
from ._taken import AskError

FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "app.js": ("app.js", "text/javascript; charset=utf-8"),
    "app.css": ("app.css", "text/css; charset=utf-8"),
    "favicon.ico": ("icon.svg", "image/svg+xml"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
"""By the name in an address: the file, and its type.  Nothing else of this machine is sent."""
TRY = "/data/try"
"""The address that is posted to, to tweak a node."""
_LONGEST_BODY = 100_000
_FOLDER = Path(__file__).parent / "static"


def make_application(answers: Answers) -> Starlette:
    """Returns the application that shows what `answers` know."""

    async def begin_trial(request: Request) -> Response:
        try:
            said = await _read_body(request)
        except AskError as exc:
            return JSONResponse({"error": str(exc)}, exc.status)
        return _as_json(*answers.try_it(said))

    async def send_data(request: Request) -> Response:
        return _as_json(*answers.tell(request.path_params["what"], request.query_params))

    contents = {name: ((_FOLDER / file).read_bytes(), kind) for name, (file, kind) in FILES.items()}

    async def send_file(request: Request) -> Response:
        found = contents.get(request.path_params.get("name", ""))
        return Response("There is nothing here.\n", 404) if found is None else Response(found[0], media_type=found[1])

    return Starlette(
        routes=[
            Route("/", send_file),
            Route(TRY, begin_trial, methods=["POST"]),
            Route("/data/{what}", send_data),
            Route("/{name}", send_file),
        ],
    )


def _as_json(status: int, said: Any) -> JSONResponse:
    return JSONResponse(said, status)


async def _read_body(request: Request) -> Any:
    """Returns the JSON of a request.

    Raises:
        AskError: it is none, or too long.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_BODY:
            raise AskError(413, "that is too long")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise AskError(400, "that is not JSON") from exc
