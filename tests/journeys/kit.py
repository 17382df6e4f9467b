"""People who do the main job by HTTP alone: they read their inbox and post the forms they see."""

import io
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from app.accounts.models import Person
from app.core.clock import now, set_clock
from app.core.db import db, transaction
from app.units.models import Unit
from tests.builders.declarations import a_chain, a_pdf, golden_applicant, golden_plan
from tests.builders.flow import drain
from tests.builders.golden_case import SENT_UP
from tests.builders.people import a_person, staff
from tests.builders.portfolio import a_picture, a_portrait, answers_for, slots_due
from tests.builders.review import an_expert

Enter = Callable[..., Any]
HTTP = {"Accept": "application/json"}


class Actor:
    """A person at their browser. Every answer is checked against the status that it must have."""

    def __init__(self, client_for: Enter, person: Person | None) -> None:
        self.browser, self.shade = client_for(person), 0
        self.id = person.id if person else 0
        self.name = person.name if person else ""

    def read(self, url: str, *words: str, status: int = 200) -> str:
        """Open a page and see the words on it."""
        answer = self.browser.get(url)
        assert answer.status_code == status, (url, answer.status_code, answer.text[:1500])
        for word in words:
            assert word in answer.text, (url, word)
        return str(answer.text)

    def send(self, url: str, data: dict[str, Any] | None = None, *, status: int = 303) -> Any:
        """Post a form, and let the machinery settle what follows."""
        answer = self.browser.post(url, data or {}, headers=HTTP if status == 200 else None)
        assert answer.status_code == status, (url, answer.status_code, answer.text[-3000:])
        drain()
        return answer

    def tasks(self, step: str) -> list[int]:
        """The tasks of a step that wait in the inbox."""
        page = self.read(f"/tasks?step={quote(step)}")
        return [int(found) for found in re.findall(r'href="/tasks/(\d+)"', page)]

    def waits(self, step: str) -> bool:
        return bool(self.tasks(step))

    def task(self, step: str, *words: str) -> int:
        """The first task of a step, opened and seen with these words."""
        found = self.tasks(step)
        assert found, f"{self.name} has no {step}: {self.read('/tasks')[-3000:]}"
        self.read(f"/tasks/{found[0]}", *words)
        return found[0]

    def do(self, step: str, answers: dict[str, Any], *words: str) -> int:
        """Open the first task of a step, see the words, and complete it."""
        task = self.task(step, *words)
        self.send(f"/tasks/{task}", answers)
        assert task not in self.tasks(step)
        return task

    def upload(self, url: str, kind: str = "png") -> int:
        """Upload a fresh picture or paper; the file's id."""
        self.shade += 1
        makers = {"png": lambda: a_picture((self.shade, self.id % 250, 60)), "pdf": a_pdf}
        content = makers[kind]() if kind in makers else a_portrait()
        file = (io.BytesIO(content), f"证明{self.shade}.{kind}")
        answer = self.send(url, {"file": file}, status=200)
        return int(answer.json["id"])

    def enter_item(self, type_key: str, data: dict[str, Any]) -> int:
        """Begin an item of the portfolio, fill it, attach what it asks for, submit it; its id."""
        address = self.send(f"/portfolio/new/{type_key}").location
        form: dict[str, Any] = {**answers_for(type_key, **data), "decision": "submit"}
        for slot in slots_due(type_key, form):
            kind = "png" if "png" in slot.policy.types else "pdf"
            form[slot.name] = [self.upload(f"{address}/files/{slot.name}", kind)]
        self.send(address, form)
        return int(address.rsplit("/", 1)[-1])


class Company:
    """Everybody of a journey by name of their part; each gets a browser when first asked."""

    def __init__(self, client_for: Enter, ids: dict[str, int]) -> None:
        self.client_for, self.ids = client_for, ids
        self.actors: dict[str, Actor] = {}

    def __getitem__(self, part: str) -> Actor:
        if part not in self.actors:
            with transaction(write=False):
                person = db.session.get_one(Person, self.ids[part])
            self.actors[part] = Actor(self.client_for, person)
        return self.actors[part]

    def visitor(self) -> Actor:
        return Actor(self.client_for, None)

    def at(self, moment: datetime) -> None:
        """Let days pass: what is due happens, and everybody signs in again."""
        with transaction():
            set_clock(moment)
        drain()
        self.actors.clear()


EXPERTS = 5


def _posts(unit: Unit, *roles: str) -> list[tuple[str, str, int | None]]:
    return [(role, "org", unit.id) for role in roles]


def a_company(client_for: Enter) -> Company:
    """Units, staff, an open plan, a teacher with nothing entered, and the pool of experts."""
    with transaction():
        # The declaration is sent up days before the unit recommends it.
        set_clock(SENT_UP)
        city, district, school = a_chain()
        plan = golden_plan(city)
        people: dict[str, Person] = {
            "teacher": golden_applicant(school),
            "unit_clerk": staff(school, "unit_clerk"),
            "unit_leader": staff(school, "unit_leader"),
            "district_clerk": staff(district, "superior_clerk"),
            "district_leader": staff(district, "superior_leader"),
            "city_clerk": staff(city, "superior_clerk"),
            "city_leader": staff(city, "superior_leader"),
            "organiser": staff(city, "organiser"),
            "organiser_leader": staff(city, "organiser_leader"),
            "meeting_clerk": a_person("贾会办", roles=_posts(city, "meeting_clerk")),
            "supervisor": a_person("敖正言", roles=_posts(city, "supervisor")),
            "issuer": a_person("颁证员", roles=_posts(city, "issuer")),
        }
        for number in range(1, EXPERTS + 1):
            people[f"expert{number}"] = an_expert(f"专家{number:02d}", specialty="小学数学")
        assert plan.accepts_submissions(now())
        ids = {part: person.id for part, person in people.items()}
    return Company(client_for, ids)
