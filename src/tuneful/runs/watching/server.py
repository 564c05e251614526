"""The page of a run on 127.0.0.1: it can be read there, by its owner, and nothing else can be done."""

from __future__ import annotations

import hmac
import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tuneful.errors import UserError
from tuneful.report.document import policy
from tuneful.runs.watching.address import is_of_this_machine, secret_of
from tuneful.runs.watching.live_page import LivePage

PORT = 8463
HERE = "127.0.0.1"
PATIENCE = 30  # seconds for one request
SAFE = {
    "Content-Security-Policy": f"{policy()}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
ELSEWHERE = "This page is at localhost and 127.0.0.1 only: ask for it by one of these names."
NO_SECRET = "This is not the address that `tuneful watch` printed: open that one."
NOTHING = "There is nothing here but the page of the run."
ONLY_READ = "This page can only be read: ask by GET or HEAD."


class WatchServer(ThreadingHTTPServer):
    """Serves one page. `url` is its address, the same for the same folder and port."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: Path, port: int | None = None, keys: Path | None = None):
        self.live, self.secret = LivePage(folder), secret_of(folder, keys)
        try:
            super().__init__((HERE, PORT if port is None else port), _Handler)
        except OSError as error:
            if port is not None:
                why = error.strerror or error
                raise UserError(
                    f"Port {port} cannot be had ({why}): choose another --port, or leave it out."
                ) from error
            super().__init__((HERE, 0), _Handler)  # any that is free

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HERE}:{self.server_port}/{self.secret}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that went away is nobody's concern."""


class _Handler(BaseHTTPRequestHandler):
    server: WatchServer
    server_version, sys_version = "tuneful", ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        """Answer; the only thing that there is to do."""
        if not is_of_this_machine(self.headers.get("Host")):
            return self._refuse(HTTPStatus.FORBIDDEN, ELSEWHERE)
        secret, *rest = self.path.partition("?")[0].removeprefix("/").split("/")
        if not hmac.compare_digest(secret.encode(errors="replace"), self.server.secret.encode()):
            return self._refuse(HTTPStatus.FORBIDDEN, NO_SECRET)
        if not rest:  # relative addresses begin at the folder
            return self._answer(HTTPStatus.FOUND, b"", "text/plain", {"Location": f"/{secret}/"})
        return self._answer_to("/".join(rest))

    do_HEAD = do_GET

    def _only_read(self) -> None:
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, ONLY_READ, {"Allow": "GET, HEAD"})

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _only_read

    def _answer_to(self, name: str) -> None:
        live = self.server.live
        if name == "":
            return self._answer(HTTPStatus.OK, live.page().encode(), "text/html; charset=utf-8")
        if name == "version":
            return self._answer(HTTPStatus.OK, json.dumps(live.status()).encode(), "application/json")
        other = live.other(name)
        if other is None:
            return self._refuse(HTTPStatus.NOT_FOUND, NOTHING)
        return self._answer(HTTPStatus.OK, other, "text/html; charset=utf-8")

    def _refuse(self, status: HTTPStatus, sentence: str, more: dict[str, str] | None = None) -> None:
        self._answer(status, f"{sentence}\n".encode(), "text/plain; charset=utf-8", more)

    def _answer(self, status: HTTPStatus, body: bytes, kind: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        about = {"Content-Type": kind, "Content-Length": str(len(body))}
        for name, value in (SAFE | about | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests."""
