"""The emotions of the faces before your camera, on a page in the browser: ``python -m fer.live``.

The page takes a picture from the camera, sends it to this process on the same computer, and draws the answer;
then it sends the next one. No picture is kept or written, and nothing is loaded from the network or sent into
it: the server listens on 127.0.0.1 alone. Another page cannot talk to it, because each request needs

    the token, which only the address has that this command prints (behind #, which browsers send to nobody);
    the Host 127.0.0.1 or localhost, so that no other name can lead here (DNS rebinding).
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import argparse
import base64
import hmac
import io
import json
import secrets
import sys
import time
import webbrowser
from collections import OrderedDict
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from fer import errors
from fer.command_line import new_parser
from fer.data import detect, pictures, sources
from fer.data.detect import Detector
from fer.errors import BadInput
from fer.networks import inference
from fer.networks.predictor import Predictor
from fer.video import TrackedFace, Tracks
from minicnn.terminal import say

HOST = "127.0.0.1"
WEB = Path(__file__).parent / "web"
FILES = {
    "/": ("live.html", "text/html; charset=utf-8"),
    "/live.css": ("live.css", "text/css; charset=utf-8"),
    "/live.js": ("live.js", "text/javascript; charset=utf-8"),
}
MAX_BYTES = 4 << 20  # of a picture; the page sends some 50 KB
PAGES = 8  # that may be open at once; each has its own tracks
TIMEOUT = 20  # seconds that a connection may say nothing
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
EXAMPLES = """\
examples:
  python -m fer.live                      with the network that comes with fer
  python -m fer.live runs/003             with your own
  python -m fer.live --no-browser         print the address, open no browser
"""


class Server(ThreadingHTTPServer):
    """The server of the page; ``address`` is where to open it.

    Args:
        predictor: the network and the detector.
        port: 0 is any free one.
    """

    daemon_threads = True

    def __init__(self, predictor: Predictor, port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.predictor = predictor
        self.token = secrets.token_urlsafe(24)
        port = self.server_address[1]
        self.hosts = (f"{HOST}:{port}", f"localhost:{port}")
        self.address = f"http://{HOST}:{port}/#{self.token}"
        self._tracks: OrderedDict[str, Tracks] = OrderedDict()
        self._lock = Lock()

    def answer(self, picture: Image.Image, page: str, explain: bool) -> dict[str, Any]:
        """Return what the page draws: each face's box, probabilities, smoothed over time, and perhaps HiResCAM.

        Args:
            picture: a frame.
            page: the page's own name, whose faces are followed.
            explain: whether HiResCAM is wanted.
        """
        start = time.perf_counter()
        faces = sources.detect_faces(picture, "frame", self.predictor.detector)
        found = time.perf_counter()
        predictions = self.predictor.of(faces)
        with self._lock:
            tracks = self._tracks.setdefault(page, Tracks())
            self._tracks.move_to_end(page)
            if len(self._tracks) > PAGES:
                self._tracks.popitem(last=False)
            followed = tracks.follow(predictions, start)
        end = time.perf_counter()
        shown = [self._shown(each, explain) for each in followed]
        times = {"find_ms": found - start, "network_ms": end - found, "map_ms": time.perf_counter() - end}
        return {"faces": shown} | {name: 1e3 * seconds for name, seconds in times.items()}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a page that was closed before its answer came; other errors are bugs, and printed."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def _shown(self, face: TrackedFace, explain: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "track": face.track,
            "box": face.box,
            "score": face.prediction.face.score,
            "emotion": face.emotion,
            "probabilities": face.probabilities,
        }
        if explain:
            shown["map"] = _png(self.predictor.hires_cam(face.prediction, face.emotion))
        return shown


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT

    def do_GET(self) -> None:
        """Send one of the page's files, which hold nothing secret."""
        path = urlsplit(self.path).path
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(403, "the Host is not this computer's")
        elif path not in FILES:
            self._refuse(404, "there is no such file")
        else:
            name, kind = FILES[path]
            self._send(200, kind, (WEB / name).read_bytes())

    def do_POST(self) -> None:
        """Answer a frame; nothing of it is kept."""
        length = self.headers.get("Content-Length", "")
        token = self.headers.get("X-Token", "")
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(403, "the Host is not this computer's")
        elif not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(403, "the token is missing or wrong: open the address that fer.live printed last")
        elif self.path != "/frame":
            self._refuse(404, "there is no such file")
        elif not (length.isascii() and length.isdigit() and 0 < int(length[:10]) <= MAX_BYTES):
            self._refuse(413, f"expected a picture of at most {MAX_BYTES >> 20} MB")
        else:
            content = self.rfile.read(int(length))
            try:
                picture = pictures.decode(content, "the frame", whole=True)
                page = self.headers.get("X-Page", "")[:40]
                found = self.server.answer(picture, page, "X-Explain" in self.headers)
            except ValueError as error:  # BadInput; a network without convolutions has no HiResCAM
                self._refuse(400, str(error))
            else:
                self._send(200, "application/json", json.dumps(found).encode())

    def _refuse(self, status: int, why: str) -> None:
        self.close_connection = True  # what follows was not read
        self._send(status, "text/plain; charset=utf-8", why.encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content))} | HEADERS
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing: a line for each frame is of no use."""

    def version_string(self) -> str:
        """Return the server's name, without Python's version."""
        return "fer.live"


def _png(cam: np.ndarray) -> str:
    """Return a map (48, 48) as a PNG in base64: orange, the more opaque the higher the map is."""
    share = cam / (cam.max() or 1)
    pixels = np.empty((*cam.shape, 4), np.uint8)
    pixels[..., :3] = 0xD5, 0x5E, 0x00
    pixels[..., 3] = np.rint(200 * share)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = new_parser(
        "live",
        "[RUN] [options]",
        "Show the emotions of the faces before your camera, on a page in the browser. No picture is kept.",
        EXAMPLES,
    )
    add = result.add_argument
    add(
        "run",
        nargs="?",
        default=inference.BUNDLED[0],
        metavar="RUN",
        help="a run's folder, a model (.npz), vgg or tiny (default: %(default)s)",
    )
    add("--detect", choices=("mtcnn", "haar"), help="how faces are found (default: mtcnn, if installed)")
    add(
        "--min-face",
        type=int,
        default=60,
        metavar="PIXELS",
        help="the least side of a face (default: %(default)s)",
    )
    add("--port", type=int, default=0, help="of the server (default: any free one)")
    add("--no-browser", action="store_true", help="only print the address")
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command until Ctrl-C; exit with status 2 and one line if it cannot start."""
    with errors.one_line("fer.live"):
        arguments = parser().parse_args(argv)
        if not 0 <= arguments.port <= 65535:
            raise BadInput(f"--port {arguments.port}: expected 0 to 65535")
        detector = Detector(arguments.detect or "", min_size=arguments.min_face)
        detect.check_installed(detector)
        predictor = Predictor(arguments.run, detector=detector)
        predictor.predict(np.zeros((48, 48), np.uint8))  # so that the first frame does not wait
        try:
            server = Server(predictor, arguments.port)
        except OSError as error:
            raise BadInput(f"--port {arguments.port}: {errors.message(error)}; give another one") from None
        with server:
            say(f"Open {server.address}", "Ctrl-C ends it. No picture is kept, or leaves this computer.")
            if not arguments.no_browser:
                webbrowser.open(server.address)
            server.serve_forever()


if __name__ == "__main__":
    main()
