"""`make tour`: look at every page as every kind of demo account, at two sizes.

It loads the demonstration into a scratch instance, goes round with Chromium, saves a screenshot of
every page of the menu and of the main job, and fails on script errors, violations of the content
security policy, serious accessibility findings and pages wider than the screen. A page is opened
once and judged at both sizes; an account has one page of its own for all of its round.
"""

import json
import logging
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from app.accounts import queries
from app.accounts.sessions import signed_in_values
from app.cli import prepare_database
from app.core.clock import now
from app.core.db import db, transaction
from app.demo import show
from app.factory import create_app
from tests.browser.conftest import ARGUMENTS, CHROMIUMS

ROOT = Path(__file__).parents[1]
AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
SHOTS = ROOT / "build" / "tour"
SIZES = {"1366x768": (1366, 768), "390x844": (390, 844)}
PASSWORD = "Tour-2026!"
HOME, NOWHERE = "/home", "/nowhere"
PUBLIC = (
    "/",
    "/notices",
    "/policies",
    "/plans",
    "/publicity",
    "/publicity/1",
    "/verify",
    "/login",
    "/activate",
    "/unit/register",
    "/unit/register/state",
    "/forgotten",
    NOWHERE,
)
# Links inside pages that belong to the main job: followed once from every account's pages.
FOLLOW = (
    "/tasks/", "/declarations/", "/portfolio/", "/plans/", "/meetings/", "/certificates/",
    "/replacements/", "/publicity/", "/objections/", "/studio/", "/committees/", "/v/", "/binding",
    "/unit", "/staff", "/account", "/notifications", "/notices/", "/policies/", "/articles/",
    "/corrections/",
)  # fmt: skip
# Downloads and drawings: seen by other means. A message leads on to a page that is seen anyway.
LEADS_ON = "/notifications/"
NOT_PAGES = re.compile(
    r"/(file|photo|evaluation-form|kind-form|lists/)$|^/(notices|policies)/\d+/files/|\."
)
MOST_A_KIND = 3
# Names of nodes, roles and business types are for those who draw processes, and marked as code.
CODES = """() => [...document.querySelectorAll('main, main *')]
  .filter((each) => !each.closest('code, svg, script, noscript, textarea, [data-diagram]'))
  .flatMap((each) => [...each.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE))
  .flatMap((node) => node.textContent.match(/\\b[a-z]+(?:_[a-z]+)+\\b/g) ?? [])"""


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

    def __init__(self, browser: Browser, address: str, app: Flask) -> None:
        self.browser, self.address, self.app = browser, address, app
        self.faults: list[str] = []
        self.seen = 0
        self._where = ""

    @contextmanager
    def visit(self, login: str | None) -> Iterator[Page]:
        """Open the one page of a round, signed in with a session of its own."""
        context = self.browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai")
        context.add_init_script(AXE)
        if login:
            context.add_cookies([self._cookie(login)])
        page = context.new_page()
        page.on("pageerror", lambda error: self._fault(f"script error {error}"))
        page.on("console", lambda line: self._console(line.type, line.text))
        yield page
        context.close()

    def _cookie(self, login: str) -> Any:
        client, name = self.app.test_client(), self.app.config["SESSION_COOKIE_NAME"]
        with self.app.app_context(), transaction():
            account = queries.credential_by_name(login)
            assert account is not None, login
            values = signed_in_values(account.person_id, now())
        with client.session_transaction() as session:
            session.update(values)
        cookie = client.get_cookie(name)
        assert cookie is not None
        return {"name": name, "value": cookie.value, "url": self.address}

    def _fault(self, what: str) -> None:
        self.faults.append(f"{self._where}: {what}")

    def _console(self, kind: str, text: str) -> None:
        told = ("status of 404", "status of 409")
        if kind == "error" and not any(words in text for words in told):
            self._fault(text)

    def look(self, page: Page, who: str, path: str, origin: str) -> list[str]:
        """Open a page once and judge it at both sizes; returns the links on it."""
        self._where = f"{who} {path} (from {origin})" if origin else f"{who} {path}"
        page.set_viewport_size({"width": 1366, "height": 768})
        answer = page.goto(self.address + path, wait_until="load")
        status = answer.status if answer else 0
        # 409: a page that is told of, but whose time is over.
        if status >= 400 and status != 409 and path != NOWHERE:
            self._fault(f"status {status}")
        for code in sorted(set(page.evaluate(CODES))):
            self._fault(f"shows the code {code}")
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            self._judge(page, size)
            shot = SHOTS / size / f"{who}{path.replace('/', '_')[:80]}.jpg"
            shot.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=shot, full_page=True, type="jpeg", quality=70)
            self.seen += 1
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        return [urlsplit(link).path for link in links if link.startswith(self.address)]

    def _judge(self, page: Page, size: str) -> None:
        if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            self._fault(f"{size} wider than the screen")
        found = page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'],"
            " resultTypes: ['violations']})"
            ".then(({violations}) => violations.map(each =>"
            " [each.impact, each.id, each.nodes.slice(0, 3).map(node => node.target)]))"
        )
        for impact, rule, nodes in found:
            if impact in {"serious", "critical"}:
                self._fault(f"{size} {rule} {nodes}")

    def round(self, who: str, login: str | None, paths: tuple[str, ...]) -> None:
        """Look at the given pages, at the menu, and at what they lead to."""
        with self.visit(login) as page:
            seen: set[str] = set()
            kinds: dict[str, int] = {}
            menu: set[str] = set()
            waiting = [(path, "") for path in paths]
            while waiting:
                path, origin = waiting.pop(0)
                if path in seen:
                    continue
                seen.add(path)
                links = self.look(page, who, path, origin)
                if path == HOME:
                    menu = self._menu_of(page)
                further = self._to_follow(links, menu, seen, kinds) if login else []
                waiting += [(link, path) for link in further]

    def _menu_of(self, page: Page) -> set[str]:
        links = page.eval_on_selector_all("#side a[href]", "all => all.map(a => a.href)")
        return {urlsplit(link).path for link in links}

    def _to_follow(
        self, links: list[str], menu: set[str], seen: set[str], kinds: dict[str, int]
    ) -> list[str]:
        """Choose the pages to go on to: the menu, and some of each kind of the main job."""
        chosen = []
        for link in dict.fromkeys(links):
            kind = "/".join("#" if part.isdigit() else part for part in link.split("/"))
            wanted = link in menu or link.startswith(FOLLOW)
            wanted = wanted and not link.startswith(LEADS_ON) and not NOT_PAGES.search(link)
            if wanted and link not in seen and kinds.get(kind, 0) < MOST_A_KIND:
                kinds[kind] = kinds.get(kind, 0) + 1
                chosen.append(link)
        return chosen

    def activate(self, secret: str) -> None:
        """Activate an account as its person does, with the letter in hand."""
        self._where = "activation"
        with self.visit(None) as page:
            page.goto(f"{self.address}/activate?secret={secret}")
            page.get_by_label("新密码", exact=False).first.fill(PASSWORD)
            page.get_by_label("再次输入新密码").fill(PASSWORD)
            page.get_by_role("button", name="激活账号").click()
            page.wait_for_url("**/login")
            told = page.get_by_text("登录名：").inner_text()
            page.get_by_label("登录名或证件号码").fill(told.rpartition("：")[2].strip())
            page.locator("#password").fill(PASSWORD)
            page.get_by_role("button", name="登录").click()
            page.wait_for_url(f"**{HOME}")


def kinds_of_accounts(folder: Path) -> dict[str, str]:
    """One account of every set of roles, and the golden applicant: secrets by login."""
    rows = json.loads((folder / show.ACCOUNTS).read_text(encoding="utf-8"))
    chosen: dict[str, str] = {}
    for login, who, _unit, _secret in rows:
        chosen.setdefault(who.split("（", 1)[-1], login)
    secrets: dict[str, str] = {login: secret for login, _who, _unit, secret in rows}
    passed = next((login for login in secrets if login.startswith("3400001983")), "")
    wanted = [show.FIRST_TO_SHOW[0], passed, *chosen.values()]
    return {login: secrets[login] for login in wanted if login in secrets}


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
    accounts = kinds_of_accounts(folder)
    with served(app) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        tour = Tour(browser, address, app)
        if not only or "visitor" in only:
            tour.round("visitor", None, PUBLIC)
            tour.activate(next(iter(accounts.values())))
        for login in accounts:
            if not only or login in only:
                started, before = time.monotonic(), tour.seen
                tour.round(login, login, (HOME,))
                print(
                    f"{login}: {tour.seen - before} in {time.monotonic() - started:.0f} s",
                    flush=True,
                )
        browser.close()
    for fault in dict.fromkeys(tour.faults):
        print("FAULT", fault)
    print(f"{tour.seen} screenshots in {SHOTS}, {len(set(tour.faults))} faults")
    return 1 if tour.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
