"""Fixtures of the browser tests: a system Chromium, a server in a thread, axe, no complaints.

With `--browser firefox` it is the system's Firefox: of the tests marked so, `make test` runs each
there as well (HB-U-02).
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

ROOT = Path(__file__).parents[2]
FIREFOXES = ("firefox-esr", "firefox")
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=30_000)  # as long as a page may take: a busy machine is no fault
Serve = Callable[[Flask], str]
Axe = Callable[..., list[Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def pytest_configure(config: pytest.Config) -> None:
    if "firefox" in (config.getoption("--browser") or []):
        os.environ["NODE_OPTIONS"] = f"--require={Path(__file__).parent / 'firefox.cjs'}"


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], browser_name: str
) -> dict[str, Any]:
    names = FIREFOXES if browser_name == "firefox" else CHROMIUMS
    wanted = os.environ.get(browser_name.upper())
    found = wanted or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.fail(f"no {browser_name}: install {names[0]}, or name its path in the environment")
    # A Firefox of the system speaks WebDriver BiDi; Playwright's own would be another browser.
    how = {"channel": "moz-firefox"} if browser_name == "firefox" else {"args": ARGUMENTS}
    return {**browser_type_launch_args, "executable_path": found, **how}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "locale": "zh-CN",
        "timezone_id": "Asia/Shanghai",
        "viewport": {"width": 1366, "height": 768},
    }


@pytest.fixture(scope="session")
def base_url() -> None:
    """Stand in for the plugin's own, whose form pytest deprecates: addresses are always whole."""


@pytest.fixture
def live_server() -> Iterator[Serve]:
    """Give a function that serves an application on a free port and returns its address."""
    running = []

    def serve(app: Flask) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def enter(request: pytest.FixtureRequest, page: Page, live_server: Serve) -> Callable[..., Page]:
    """Give a function that opens a page of the application as a person, None for a visitor."""
    app, client_for = map(request.getfixturevalue, ("app", "client_for"))
    address = live_server(app)

    def go(person: Any = None, path: str = "/home") -> Page:
        # An answer still on its way to the page before may end the session it finds: leave first.
        page.goto("about:blank")
        page.context.clear_cookies()
        if person is not None:
            name = app.config["SESSION_COOKIE_NAME"]
            cookie = client_for(person).client.get_cookie(name)
            page.context.add_cookies([{"name": name, "value": cookie.value, "url": address}])
        page.goto(address + path)
        return page

    return go


@pytest.fixture(scope="session")
def axe_source() -> str:
    return (ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8")


@pytest.fixture
def axe(page: Page, axe_source: str) -> Axe:
    """Give a function that returns what axe finds against WCAG 2.1 AA on the page as it is."""

    def run(*tags: str) -> list[Any]:
        page.evaluate(axe_source)  # goes over the debugger, so a strict CSP does not stop it
        found = page.evaluate(
            "tags => axe.run(document, {runOnly: tags})",
            list(tags or ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")),
        )
        return [
            (each["id"], [(node["target"], node["failureSummary"]) for node in each["nodes"]])
            for each in found["violations"]
        ]

    return run


class Problems(list[str]):
    """What the browser complained about. A test may allow what it provokes."""

    def allow(self, part: str) -> None:
        self[:] = [each for each in self if part not in each]


@pytest.fixture(autouse=True)
def problems(request: pytest.FixtureRequest) -> Iterator[Problems]:
    """Fail a test whose page had a script error, a console error or a CSP violation."""
    found = Problems()
    if "page" in request.fixturenames:
        page = request.getfixturevalue("page")
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("console", lambda line: line.type == "error" and found.append(line.text))
    yield found
    assert not found, found
