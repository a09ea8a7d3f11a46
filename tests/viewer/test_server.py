import http.client
import json
import socket
from pathlib import Path

import pytest

from fluorojax.core.errors import InputError
from fluorojax.viewer import guard
from fluorojax.viewer.server import Server
from tests.viewer.conftest import serving


@pytest.fixture
def server(app):
    with serving(app) as found:
        yield found


def asked(server, method, path, body=None, **changed):
    """Return status, headers and body of a request; `changed` are headers, None leaves one out."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {guard.HEADER: server.token, **{k.replace("_", "-"): v for k, v in changed.items()}}
    connection.putrequest(method, path, skip_host="Host" in headers)
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers.setdefault("Content-Length", str(len(data)))
    for name, value in headers.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(data)
    reply = connection.getresponse()
    found = reply.read()
    connection.close()
    return reply.status, reply.headers, found


def as_json(server, *request, **changed):
    status, _, body = asked(server, *request, **changed)
    assert status == 200, body
    return json.loads(body)


def test_the_page_its_frames_and_their_pixels(server):
    status, headers, page = asked(server, "GET", f"/?token={server.token}", **{guard.HEADER: None})
    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert server.token.encode() in page
    overview = as_json(server, "GET", "/frames")
    assert [frame["case"] for frame in overview["frames"]] == [f"c{n}" for n in range(5)]
    frame = as_json(server, "GET", "/frames/2")
    assert (frame["height"], frame["width"], frame["origin"]) == (64, 64, "annotation")
    status, headers, pixels = asked(server, "GET", "/frames/2/pixels")
    assert (headers["X-Rows"], headers["X-Columns"], len(pixels)) == ("64", "64", 64 * 64 * 2)


@pytest.mark.parametrize("path", ["/", "/frames", "/frames/0", "/frames/0/pixels", "/order"])
def test_without_the_token_everything_is_refused(server, path):
    for token in (None, "", server.token[:-1], server.token + "x"):
        status, _, body = asked(server, "GET", path, **{guard.HEADER: token})
        assert status == 403
        assert "token" in json.loads(body)["error"]
    assert asked(server, "GET", "/?token=other", **{guard.HEADER: None})[0] == 403
    # In any other address than the page's own it does not count.
    assert asked(server, "GET", f"/frames?token={server.token}", **{guard.HEADER: None})[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "192.168.0.1:{}", "evil.example:{}"])
def test_another_host_is_refused_as_after_dns_rebinding(server, host):
    assert asked(server, "GET", "/frames", Host=host.format(server.port))[0] == 403


@pytest.mark.parametrize("header", ["Origin", "Referer"])
@pytest.mark.parametrize(
    "value", ["http://evil.example", "null", "http://127.0.0.1:1", "file:///x"]
)
def test_another_origin_is_refused(server, header, value):
    status, _, _ = asked(
        server, "PUT", "/frames/0/shapes", {"shapes": [], "revision": ""}, **{header: value}
    )
    assert status == 403
    assert not server.app.store.folder.exists()


@pytest.mark.parametrize(
    "path",
    [
        "/../cases.csv",
        "/frames/../../cases.csv",
        "/frames/0/../../../etc/passwd",
        "/frames/%2e%2e/pixels",
        "/frames/0/pixels/../../..",
        "//etc/passwd",
        "/etc/passwd",
        "/frames/-1",
        "/frames/0x1",
        "/frames/٣",
        "/vendor/konva.min.js",
        "/cases.csv",
        "/frames/0/shapes",
    ],
)
def test_no_path_leads_to_a_file(server, path):
    sent = "".join(c if c.isascii() else "%D9%A3" for c in path)
    status, _, body = asked(server, "GET", sent)
    assert status == 404
    assert json.loads(body).keys() == {"error"}


def test_a_frame_that_there_is_not_is_told(server):
    status, _, body = asked(server, "GET", "/frames/5")
    assert status == 422
    assert "there are 5" in json.loads(body)["error"]


def test_other_methods_are_not_known(server):
    for method in ("DELETE", "OPTIONS", "PATCH", "HEAD"):
        assert asked(server, method, "/frames")[0] == 501


def test_nobody_beyond_this_machine_is_listened_to(server):
    assert server.server_address[0] == "127.0.0.1"
    addresses = {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None)}
    for address in addresses - {"127.0.0.1", "::1"}:
        if not address.startswith("127."):
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as other:
                other.settimeout(2)
                assert other.connect_ex((address, server.port)) != 0


def test_what_is_saved_is_read_again(server):
    frame = as_json(server, "GET", "/frames/0")
    shapes = frame["shapes"]
    shapes[1]["points"][0] = [5.0, 6.0]
    body = {"shapes": shapes, "revision": frame["revision"]}
    revision = as_json(server, "PUT", "/frames/0/shapes", body)["revision"]
    again = as_json(server, "GET", "/frames/0")
    assert (again["revision"], again["origin"]) == (revision, "corrected")
    assert again["shapes"][1]["points"][0] == [5.0, 6.0]
    status, _, found = asked(server, "PUT", "/frames/0/shapes", body)
    assert status == 409
    assert "changed elsewhere" in json.loads(found)["error"]


def test_shapes_that_the_reader_would_refuse_are_refused(server):
    outside = {"label": "wire", "shape_type": "linestrip", "points": [[900, 9], [990, 9]]}
    for shape in ({**outside, "width": 3}, {**outside, "label": "other", "width": 3}, 7):
        body = {"shapes": [shape], "revision": ""}
        status, _, found = asked(server, "PUT", "/frames/1/shapes", body)
        assert status == 422
        assert "c1" in json.loads(found)["error"]
    assert not server.app.store.path("c1").exists()


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ([], {}),
        ({}, {"Content_Length": None}),
        ({}, {"Content_Length": str(guard.MOST + 1)}),
        ({}, {"Content_Length": "1"}),
    ],
)
def test_a_body_that_is_no_object_is_refused(server, body, changed):
    assert asked(server, "POST", "/frames/0/trace", body, **changed)[0] == 422


def test_a_line_is_followed(server):
    wanted = {"from": [30, 30], "to": [50, 34], "width": 3, "joined": False}
    assert len(as_json(server, "POST", "/frames/0/trace", wanted)["points"]) >= 2
    for wrong in (
        {"from": [1]},
        {"to": [1, 1e9]},
        {"width": 0},
        {"width": "3"},
        {"from": [1, True]},
    ):
        assert asked(server, "POST", "/frames/0/trace", {**wanted, **wrong})[0] == 422


def test_without_a_network_there_is_no_order_and_nothing_is_predicted(server):
    assert as_json(server, "GET", "/order") == {"done": 0, "total": 0, "order": []}
    assert asked(server, "GET", "/frames/0/planes")[0] == 422
    assert asked(server, "POST", "/frames/0/predicted", {})[0] == 422


def test_a_frame_that_cannot_be_read_is_told_and_the_others_are_shown(server, folder):
    (folder / "images/3.png").write_bytes(b"no picture")
    status, _, body = asked(server, "GET", "/frames/3")
    assert status == 422
    assert str(Path("images/3.png")) in json.loads(body)["error"]
    assert asked(server, "GET", "/frames/4")[0] == 200


def test_a_port_that_is_taken_is_said(server, app):
    with pytest.raises(InputError, match=rf"--port {server.port}"):
        Server(app, server.port)
    with pytest.raises(InputError, match="--port 70000"):
        Server(app, 70000)
