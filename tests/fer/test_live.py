"""The server of fer.live: who may ask it, and what it answers."""

import http.client
import io
import json
import threading

import pytest
from PIL import Image

from fer import live
from fer.data.detect import Box, Found
from fer.networks.predictor import Predictor
from tests.fer.readers import convolving_reader, face


@pytest.fixture
def server(monkeypatch):
    """A server whose detector finds a face in the left upper corner of any picture of 96 pixels."""
    predictor = Predictor(convolving_reader())
    predictor.detector = lambda picture: [Found(Box(0, 0, 48, 48), 0.75)] if len(picture) == 96 else []
    with live.Server(predictor) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(server, method="POST", path="/frame", body=b"", **headers):
    """Return status, headers and content; None leaves a header out."""
    port = server.server_address[1]
    known = {"Host": f"127.0.0.1:{port}", "X-Token": server.token, "Content-Length": str(len(body))}
    headers = known | {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    for name, value in headers.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply.status, dict(reply.getheaders()), content


def picture(emotion=3, side=96):
    image = Image.new("L", (side, side), 9)
    image.paste(Image.fromarray(face(emotion)), (0, 0))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_a_frame_is_answered(server):
    status, headers, content = asked(server, body=picture())
    assert (status, headers["Content-Type"]) == (200, "application/json")
    (only,) = json.loads(content)["faces"]
    assert (only["track"], only["box"], only["score"], only["emotion"]) == (1, [0, 0, 48, 48], 0.75, "Happy")
    assert sum(only["probabilities"].values()) == pytest.approx(1)
    assert "map" not in only
    assert json.loads(asked(server, body=picture(side=60))[2])["faces"] == []


def test_hires_cam_comes_on_request(server):
    (only,) = json.loads(asked(server, body=picture(), X_Explain="1")[2])["faces"]
    import base64

    with Image.open(io.BytesIO(base64.b64decode(only["map"]))) as image:
        assert (image.size, image.mode) == ((48, 48), "RGBA")
        assert max(image.getchannel("A").tobytes()) == 200


def test_each_page_has_its_own_faces(server):
    def track(page):
        return json.loads(asked(server, body=picture(), X_Page=page)[2])["faces"][0]["track"]

    assert [track("a"), track("b"), track("a")] == [1, 1, 1]
    for page in range(live.PAGES + 3):
        track(str(page))
    assert len(server._tracks) == live.PAGES


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"X_Token": None}, 403),
        ({"X_Token": "x"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": None}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"method": "GET", "path": "/", "Host": "evil.example"}, 403),
        ({"path": "/other"}, 404),
        ({"method": "GET", "path": "/../live.py"}, 404),
        ({"method": "GET", "path": "/live.py"}, 404),
        ({"Content_Length": None}, 413),
        ({"Content_Length": "-1"}, 413),
        ({"Content_Length": "9" * 5000}, 413),
        ({"Content_Length": str(live.MAX_BYTES + 1)}, 413),
        ({"method": "OPTIONS"}, 501),
    ],
)
def test_who_may_not_ask(server, changed, status):
    found, headers, content = asked(server, **changed)
    assert found == status
    assert not [name for name in headers if name.startswith("Access-Control")]
    assert b"Happy" not in content


@pytest.mark.parametrize(
    ("error", "printed"), [(BrokenPipeError(), False), (TimeoutError(), False), (KeyError(), True)]
)
def test_a_page_that_is_closed_before_its_answer_is_no_error(server, error, printed, capsys):
    try:
        raise error
    except Exception:
        server.handle_error(None, ("127.0.0.1", 1))
    assert ("Traceback" in capsys.readouterr().err) == printed


@pytest.mark.parametrize("content", [b"hello", b"\xff\xd8\xff", picture()[:60], b"%!PS-Adobe"])
def test_what_is_no_picture_is_refused_in_one_line(server, content):
    status, _, why = asked(server, body=content)
    assert status == 400
    assert why.startswith(b"the frame ")
    assert b"\n" not in why
    assert asked(server, body=picture())[0] == 200


def test_the_page_s_files_load_nothing_from_elsewhere(server):
    for path, (name, kind) in live.FILES.items():
        status, headers, content = asked(server, "GET", path, X_Token=None, Content_Length=None)
        assert (status, headers["Content-Type"]) == (200, kind)
        assert content == (live.WEB / name).read_bytes()
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert server.token.encode() not in content
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "fer.live: nowhere does not exist"),
        (["--port", "70000"], "fer.live: --port 70000: expected 0 to 65535"),
        (["--min-face", "0"], "fer.live: min_size=0"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(live.detect, "check_installed", lambda _: None)
    with pytest.raises(SystemExit) as stopped:
        live.main(arguments)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)


def test_a_port_in_use_is_one_line(server, monkeypatch, capsys):
    monkeypatch.setattr(live.detect, "check_installed", lambda _: None)
    port = str(server.server_address[1])
    with pytest.raises(SystemExit) as stopped:
        live.main(["tiny", "--port", port])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"fer.live: --port {port}: ")
