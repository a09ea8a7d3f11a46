"""The viewer's server: on this machine alone, for one page."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from fluorojax.core.errors import InputError
from fluorojax.viewer import guard
from fluorojax.viewer.app import App
from fluorojax.viewer.page import render
from fluorojax.viewer.store import StaleError

HOST = "127.0.0.1"
SECONDS = 60.0  # that a connection may say nothing
JSON, BYTES, HTML = "application/json", "application/octet-stream", "text/html; charset=utf-8"
FRAME = re.compile(r"/frames/(\d{1,9})(?:/([a-z]+))?", re.ASCII)


class Reply(NamedTuple):
    """What is answered."""

    body: bytes
    kind: str = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = {}


def to_json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    """Return a reply in JSON; NaN is none."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    return Reply(text.encode("utf-8", "backslashreplace"), JSON, status)


class Server(ThreadingHTTPServer):
    """Serves one folder; `address` is what is opened in the browser."""

    daemon_threads = True

    def __init__(self, app: App, port: int = 0):
        """Listen on a port; 0: any that is free.

        Raises:
            InputError: the port is taken.
        """
        self.app, self.token = app, secrets.token_urlsafe(24)
        try:
            super().__init__((HOST, port), Handler)
        except (OSError, OverflowError) as error:
            raise InputError(
                f"--port {port}: cannot be listened on ({error}); give another, or leave it out"
            ) from error

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.server_address[1])

    @property
    def address(self) -> str:
        """The page's address, with the token."""
        return f"http://{HOST}:{self.port}/?token={self.token}"


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "fluorojax", ""
    timeout = SECONDS

    def do_GET(self) -> None:
        """Give the page, or what it asks for."""
        self._answer(self._get)

    def do_PUT(self) -> None:
        """Save shapes."""
        self._answer(self._put)

    def do_POST(self) -> None:
        """Follow a line, or predict."""
        self._answer(self._post)

    def _answer(self, reply_of: Callable[[str, str], Reply]) -> None:
        """Refuse, or answer; what the user can mend is told in words."""
        parts = urlsplit(self.path)
        given = parse_qs(parts.query).get("token", [""])[0] if parts.path == "/" else ""
        if why := guard.refusal(self.headers, self.server.port, self.server.token, given):
            # Its body was not read, so nothing more can come over this connection.
            self.close_connection = True
            self._send(to_json({"error": why}, HTTPStatus.FORBIDDEN))
            return
        try:
            reply = reply_of(parts.path, given)
        except StaleError as error:
            reply = to_json({"error": str(error)}, HTTPStatus.CONFLICT)
        except (InputError, MemoryError) as error:
            words = str(error) or "not enough memory"
            reply = to_json({"error": words}, HTTPStatus.UNPROCESSABLE_ENTITY)
        self._send(reply)

    def _get(self, path: str, given: str) -> Reply:
        app = self.server.app
        if path == "/" and given:
            nonce = secrets.token_urlsafe(16)
            policy = {"Content-Security-Policy": guard.POLICY.format(nonce=nonce)}
            title = app.overview()["title"]
            page = render(title=title, token=self.server.token, nonce=nonce)
            return Reply(page.encode("utf-8", "backslashreplace"), HTML, headers=policy)
        if path == "/frames":
            return to_json(app.overview())
        if path == "/order":
            return to_json(app.order())
        n, what = _frame_of(path)
        if what == "":
            return to_json(app.opened(n))
        if what == "pixels":
            frame = app.frame(n)
            sides = {"X-Rows": str(frame.shape[0]), "X-Columns": str(frame.shape[1])}
            return Reply(app.pixels(n), BYTES, headers=sides)
        if what == "planes":
            planes, graded = app.planes(n)
            return Reply(planes, BYTES, headers={"X-Graded": "yes" if graded else "no"})
        return _nothing()

    def _put(self, path: str, given: str) -> Reply:
        n, what = _frame_of(path)
        if what != "shapes":
            self.close_connection = True
            return _nothing()
        return to_json(self.server.app.save(n, self._body()))

    def _post(self, path: str, given: str) -> Reply:
        n, what = _frame_of(path)
        asked = self._body()
        if what == "trace":
            return to_json(self.server.app.traced(n, asked))
        return to_json(self.server.app.predicted(n)) if what == "predicted" else _nothing()

    def _body(self) -> dict[str, Any]:
        """Return the object that the request holds.

        Raises:
            InputError: it holds none, or a longer one than any page sends.
        """
        length = guard.length_of(self.headers)
        if length is None:
            self.close_connection = True
            raise InputError("a request without a length, or too long; reload the page")
        try:
            found = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError) as error:
            raise InputError(f"a request that is not JSON ({error}); reload the page") from error
        if not isinstance(found, dict):
            raise InputError("a request that is no object; reload the page")
        return found

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        fixed = {
            "Content-Type": reply.kind,
            "Content-Length": str(len(reply.body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        for name, value in {**fixed, **reply.headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is the user's, and the first line holds the token."""


def _frame_of(path: str) -> tuple[int, str]:
    """Return the number of the frame that a path speaks of, and what of it; -1 if it does not."""
    found = FRAME.fullmatch(path)
    return (int(found[1]), found[2] or "") if found else (-1, "nothing")


def _nothing() -> Reply:
    return to_json({"error": "there is nothing of that name"}, HTTPStatus.NOT_FOUND)
