"""`make tour`: look at every page as every kind of demo account, at two sizes.

It loads the demonstration into a scratch instance, signs in with Chromium, saves a screenshot of
every page of the menu and of the main job, and fails on script errors, violations of the content
security policy, serious accessibility findings and pages wider than the screen.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from app.cli import prepare_database
from app.core.db import db
from app.demo import show
from app.factory import create_app
from tests.browser.conftest import ARGUMENTS, NAMES

ROOT = Path(__file__).parents[1]
AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
SHOTS = ROOT / "build" / "tour"
SIZES = {"1366x768": (1366, 768), "390x844": (390, 844)}
PASSWORD = "Tour-2026!"
PUBLIC = (
    "/",
    "/plans",
    "/publicity",
    "/publicity/1",
    "/verify",
    "/login",
    "/activate",
    "/nowhere",
)
# Links inside pages that belong to the main job: followed once from every account's pages.
FOLLOW = (
    "/tasks/", "/declarations/", "/portfolio/", "/plans/", "/meetings/", "/certificates/",
    "/replacements/", "/publicity/", "/objections/", "/studio/", "/committees/", "/v/", "/binding",
    "/account", "/notifications",
)  # fmt: skip
# Downloads and drawings: seen by other means.
NOT_PAGES = ("/file", "/photo", "/evaluation-form", "/lists/")
MOST_A_KIND = 3


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an application in a thread; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


class Tour:
    """One browser going round; `faults` is what a visitor should never meet."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.faults: list[str] = []
        self.seen = 0
        self._menu: set[str] = set()

    def watch(self, page: Page, where: str) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"{where}: script error {error}"))
        page.on("console", lambda m: self._console(where, m.type, m.text))

    def _console(self, where: str, kind: str, text: str) -> None:
        told = ("status of 404", "status of 409")
        if kind == "error" and not any(words in text for words in told):
            self.faults.append(f"{where} {text}")

    def look(self, context: BrowserContext, who: str, path: str) -> list[str]:
        """Open a page at both sizes; returns the links on it."""
        page = context.new_page()
        self.watch(page, f"{who} {path}")
        links: list[str] = []
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            answer = page.goto(self.address + path, wait_until="load")
            status = answer.status if answer else 0
            # 409: a page that is told of, but whose time is over.
            if status >= 400 and status != 409 and path != "/nowhere":
                self.faults.append(f"{who} {path}: status {status}")
            self._judge(page, who, path, size)
            shot = SHOTS / size / f"{who}{path.replace('/', '_')[:80]}.png"
            shot.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=shot, full_page=True)
            self.seen += 1
            links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        page.close()
        return [urlsplit(link).path for link in links if link.startswith(self.address)]

    def _judge(self, page: Page, who: str, path: str, size: str) -> None:
        where = f"{who} {path} {size}"
        if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            self.faults.append(f"{where}: wider than the screen")
        page.evaluate(AXE)
        found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})")
        for violation in found["violations"]:
            if violation["impact"] in {"serious", "critical"}:
                nodes = [node["target"] for node in violation["nodes"][:3]]
                self.faults.append(f"{where}: {violation['id']} {nodes}")

    def round(self, who: str, secret: str | None, paths: tuple[str, ...]) -> None:
        """Sign in, then look at the given pages, at the menu, and at what they lead to."""
        context = self.browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai")
        if secret:
            self._activate(context, secret)
        seen: set[str] = set()
        kinds: dict[str, int] = {}
        waiting = list(paths)
        while waiting:
            path = waiting.pop(0)
            if path in seen:
                continue
            seen.add(path)
            for link in self.look(context, who, path):
                kind = "/".join("#" if part.isdigit() else part for part in link.split("/"))
                wanted = link in self._menu or link.startswith(FOLLOW)
                is_page = wanted and not link.endswith(NOT_PAGES) and "." not in link
                if secret and is_page and link not in seen and kinds.get(kind, 0) < MOST_A_KIND:
                    kinds[kind] = kinds.get(kind, 0) + 1
                    waiting.append(link)
        context.close()

    def _activate(self, context: BrowserContext, secret: str) -> None:
        page = context.new_page()
        page.set_viewport_size({"width": 1366, "height": 768})
        page.goto(f"{self.address}/activate?secret={secret}")
        page.get_by_label("新密码", exact=False).first.fill(PASSWORD)
        page.get_by_label("再次输入新密码").fill(PASSWORD)
        page.get_by_role("button", name="激活并登录").click()
        page.wait_for_url("**/home")
        links = page.eval_on_selector_all("#side a[href]", "all => all.map(a => a.href)")
        self._menu = {urlsplit(link).path for link in links}
        page.close()


def kinds_of_accounts(folder: Path) -> list[tuple[str, str]]:
    """One account of every set of roles, and the golden applicant: login and secret."""
    rows = json.loads((folder / show.ACCOUNTS).read_text(encoding="utf-8"))
    chosen: dict[str, tuple[str, str]] = {}
    for login, who, _unit, secret in rows:
        roles = who.split("（", 1)[-1]
        chosen.setdefault(roles, (login, secret))
    golden = [(login, secret) for login, _w, _u, secret in rows if login == show.FIRST_TO_SHOW[0]]
    passed = [(login, secret) for login, _w, _u, secret in rows if login.startswith("3400001983")]
    return [*golden, *passed[:1], *chosen.values()]


def loaded(folder: Path) -> Flask:
    """Load the demonstration into a folder, or copy an instance (TOUR_INSTANCE) that has it."""
    ready = os.environ.get("TOUR_INSTANCE")
    if ready:
        shutil.copytree(ready, folder)
        return create_app(str(folder))
    app = create_app(str(folder))
    with app.app_context():
        prepare_database()
        show.load(print)
        db.session.remove()
    return app


def main() -> int:
    """Go round; returns how many faults were met."""
    os.environ.pop("DATABASE_URL", None)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    only = set(sys.argv[1:])
    folder = Path(tempfile.mkdtemp(prefix="zhiping-tour-")) / "instance"
    app = loaded(folder)
    shutil.rmtree(SHOTS, ignore_errors=True)
    with served(app) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        tour = Tour(browser, address)
        if not only or "visitor" in only:
            tour.round("visitor", None, PUBLIC)
        done: set[str] = set()
        for login, secret in kinds_of_accounts(folder):
            if login not in done and (not only or login in only):
                done.add(login)
                print(login, flush=True)
                tour.round(login, secret, ("/home",))
        browser.close()
    for fault in dict.fromkeys(tour.faults):
        print("FAULT", fault)
    print(f"{tour.seen} screenshots in {SHOTS}, {len(set(tour.faults))} faults")
    return 1 if tour.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
