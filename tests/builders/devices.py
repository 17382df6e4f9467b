"""A person's device that shows the codes of a second factor."""

import re
from datetime import datetime, timedelta
from typing import Any

import pyotp

from app.accounts import second_factor
from app.accounts.models import Credential, Person
from app.core.clock import now
from app.core.db import db, transaction

STEP = timedelta(seconds=30)


class Device:
    """An authenticator that knows one secret."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def code(self, moment: datetime) -> str:
        return pyotp.TOTP(self.secret).at(moment)


def a_device(person: Person) -> tuple[Device, list[str]]:
    """Enrol a device of a person a minute ago; returns it with the recovery codes."""
    device = Device(second_factor.fresh_secret())
    account = db.session.query(Credential).filter_by(person_id=person.id).one()
    moment = now() - 4 * STEP
    codes = second_factor.enrol(
        account, device.secret, device.code(moment), moment=moment, now=now()
    )
    return device, codes


def enrol(browser: Any, password: str) -> Any:
    """Set up a device in a browser, as its page tells; devices tell the instance's time here."""
    shown = re.search(r'factor-secret">([A-Z2-7]+)<', browser.get("/account/factor").text)
    assert shown
    with transaction(write=False):
        code = Device(shown[1]).code(now())
    return browser.post("/account/factor", {"current": password, "code": code})
