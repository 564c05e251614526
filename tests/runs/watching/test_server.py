"""The page is served to its owner on this machine, and nothing else is."""

import http.client
import json
import socket
import threading

import pytest

from tuneful.errors import UserError
from tuneful.runs.watching.server import ELSEWHERE, NO_SECRET, NOTHING, ONLY_READ, WatchServer


@pytest.fixture
def server(begun, tmp_path):
    """The server of a finished run."""
    folder = begun(3)
    (folder / "result.json").write_text("{}")
    (folder / "report.html").write_text('<html lang="en"><head></head><body><header></header>é</body></html>')
    (folder / "goodness.html").write_text("goodness")
    with WatchServer(folder, 0, tmp_path / "keys") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, path, method="GET", host="localhost"):
    """Status, headers and body, for a path as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host is not None:
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read().decode()
    connection.close()
    return found


def test_the_page_its_version_and_other_pages(server):
    status, headers, body = ask(server, f"/{server.secret}/")
    assert (status, "é</body>" in body) == (200, True)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert int(headers["Content-Length"]) == len(body.encode())
    version = json.loads(ask(server, f"/{server.secret}/version?x=1")[2])
    assert version["state"] == "finished"
    assert version["version"] in body
    assert ask(server, f"/{server.secret}/goodness.html")[2] == "goodness"
    assert ask(server, f"/{server.secret}")[0] == 302


def test_head_has_no_body(server):
    status, headers, body = ask(server, f"/{server.secret}/", "HEAD")
    assert (status, body) == (200, "")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", None])
def test_other_hosts_are_refused_in_one_sentence(server, host):
    status, _, body = ask(server, f"/{server.secret}/", host=host)
    assert (status, body.strip()) == (403, ELSEWHERE)


@pytest.mark.parametrize(
    "path", ["/", "/version", "/0000000000000000/", "//", "/%C3%A9/", "x", "?", "http://localhost/"]
)
def test_without_the_secret_nothing_is_told(server, path):
    status, _, body = ask(server, path)
    assert (status, body.strip()) == (403, NO_SECRET)


@pytest.mark.parametrize(
    "name", ["config.json", "../run/config.json", "%2e%2e/secret", "..", "data.nc", "goodness.html/", "\\"]
)
def test_nothing_else_is_served(server, name):
    status, _, body = ask(server, f"/{server.secret}/{name}")
    assert (status, body.strip()) == (404, NOTHING)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_can_only_be_read(server, method):
    status, headers, body = ask(server, f"/{server.secret}/", method)
    assert (status, body.strip(), headers["Allow"]) == (405, ONLY_READ, "GET, HEAD")


def test_a_port_that_is_taken_is_another_one_unless_it_was_asked_for(begun, tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} cannot be had .*: choose another --port"):
            WatchServer(begun(), port, tmp_path / "keys")
        monkeypatch.setattr("tuneful.runs.watching.server.PORT", port)
        with WatchServer(begun(), None, tmp_path / "keys") as server:
            assert server.server_port != port
            assert server.url.startswith(f"http://127.0.0.1:{server.server_port}/")
