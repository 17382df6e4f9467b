"""Login names (登录名): how they are written, which are free, and the ones made here."""

import re
import secrets
from itertools import count

from app.accounts.queries import credential_by_login
from app.core.errors import Invalid

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
LOGIN_RULE = "登录名为 2-40 位字母、数字或 . _ -，不能使用证件号码"
LONGEST_STEM = 34
"""What a number behind it leaves of a name."""


def checked_login(login: str) -> str:
    """Return a login name as it is kept, whether it is taken or not; Invalid when it is no name.

    An identity number is never a name: it would stand in clear wherever accounts are listed.
    """
    name = login.strip().lower()
    if not LOGIN.fullmatch(name) or re.search(r"\d{15}", name):
        raise Invalid(LOGIN_RULE, field="login")
    return name


def free_login(login: str) -> str:
    """Return a login name as it is kept; Invalid when it is taken or no name.

    Only for who is signed in: the answer tells that somebody has the name.
    """
    name = checked_login(login)
    if credential_by_login(name) is not None:
        raise Invalid("该登录名已被使用", field="login")
    return name


def nearest_free_login(login: str) -> str:
    """Return a name that was wished for, or with the first number behind it that is free."""
    name = checked_login(login)
    if credential_by_login(name) is None:
        return name
    tries = (f"{name[:LONGEST_STEM]}-{number}" for number in count(2))
    return next(each for each in tries if credential_by_login(each) is None)


def neutral_login() -> str:
    """Return a login that says nothing of the person; it cannot be counted through."""
    return f"u{secrets.randbelow(10**9):09d}"


def free_neutral_login() -> str:
    """Return a neutral name that nobody has."""
    while True:
        name = neutral_login()
        if credential_by_login(name) is None:
            return name
