"""A headless Chromium that opens pages of the nets in nets.py; without it, or
playwright, these tests are skipped.
"""

import re
import shutil

import pytest

from minicnn import explain
from tests.minicnn.explain.nets import NETS, image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-component-update"]
# it must not call home while a test looks at what the page requests
SWITCHES += ["--disable-quic", "--disable-background-networking", "--disable-sync"]
CLASSES = {3: ["ant", "bee", "cat"], 4: ["ant", "bee", "cat", "dog"], 6: list("abcdef")}
SECTIONS = {"section": ("normed", "2:6")}


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Return a function from a net's name to the file of its page; each is written once."""
    folder, files = tmp_path_factory.mktemp("pages"), {}

    def file_of(name):
        if name not in files:
            net, part = SECTIONS.get(name, (name, None))
            model = NETS[net]()
            classes = CLASSES[model.output_shape[-1]]
            files[name] = explain.write(
                model, image(), 1, folder / f"{name}.html", classes=classes, layers=part
            )
        return files[name]

    return file_of


@pytest.fixture
def visit(browser, written):
    """Return a function that opens the page of a net; what it then reports as an error fails the test.

    The function takes the net's name, or a file, and options of a browser context;
    ``address`` is what follows the #.
    """
    opened, faults = [], []

    def open_page(name, address="", expect_fault=None, **options):
        file = name if hasattr(name, "suffix") else written(name)
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)

        def fault(text):
            if expect_fault is None or not re.search(expect_fault, text):
                faults.append(text)

        page.on("pageerror", lambda error: fault(str(error)))
        page.on("console", lambda message: fault(message.text) if message.type == "error" else None)
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(("file:", "data:")) else faults.append(request.url)
            ),
        )
        page.goto(f"{file.as_uri()}#{address}")
        return page

    yield open_page
    for context in opened:
        context.close()
    assert faults == []
