"""Numbers as people send them: ids, identity numbers (GB 11643) and credit codes (GB 32100)."""

import re
from collections.abc import Iterable
from datetime import date, datetime

from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from app.core.errors import Invalid
from app.core.instants import ZONE

# Digits of other scripts look like numbers to Python: one identity would have two hashes.
IDENTITY_NUMBER = re.compile(r"[0-9]{17}[0-9X]")
LEAST_AGE = 16
"""Nobody is employed before (劳动法 15)."""
MOST_AGE = 120
"""Nobody lives longer: the number is wrong. Who holds an earlier certificate may be very old."""
PHONE = re.compile(r"1[3-9][0-9]{9}|0[0-9]{2,3}-?[0-9]{7,8}")
PHONE_RULE = "请填写 11 位手机号码，或带区号的电话号码"
NOBODYS = 2**63 - 1
"""The largest id that a record could have, and none has."""


def ids_in(texts: Iterable[str]) -> list[int]:
    """Return the ids among what was sent; what has no digits alone is passed over.

    What has too many digits for an id stays one that no record has, so that it is refused as such;
    Python does not even read thousands of them.
    """
    short = len(str(NOBODYS))
    return [int(text) if len(text) < short else NOBODYS for text in texts if text.isdecimal()]


def checked_id_number(number: str, now: datetime) -> str:
    """Return the number of somebody whom the platform may take in; Invalid otherwise.

    Every way in goes through here: typed, imported, corrected or told by a provider.
    """
    check_age(birth_and_gender(genuine_id_number(number))[0], now)
    return number


def genuine_id_number(number: str) -> str:
    """Return a resident identity number as it was given; Invalid when it cannot be one.

    The county is not looked at: people keep the numbers of counties that were dissolved.
    """
    try:
        ric.get_birth_date(number if IDENTITY_NUMBER.fullmatch(number) else "0" * 18)
    except ValidationError as fault:
        raise Invalid("证件号码有误，请核对", field="id_number") from fault
    if ric.calc_check_digit(number) != number[-1]:
        raise Invalid("证件号码有误，请核对", field="id_number")
    return number


def birth_and_gender(number: str) -> tuple[date, str]:
    """Return the day of birth and the gender that an identity number says."""
    born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    return born, "男" if int(number[16]) % 2 else "女"


def age_on(born: date, day: date) -> int:
    """Return how many years old somebody is on a day; negative before the birth."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def check_age(born: date, now: datetime, field: str = "id_number") -> None:
    """Raise Invalid at the `field` unless somebody born then may be on the platform today."""
    age = age_on(born, now.astimezone(ZONE).date())
    what = "出生日期" if field == "birth_date" else "证件号码"
    if age < LEAST_AGE:
        raise Invalid(f"{what}显示未满 {LEAST_AGE} 周岁，不能登记；有误的请核对", field=field)
    if age > MOST_AGE:
        raise Invalid(f"{what}显示已超过 {MOST_AGE} 周岁，请核对", field=field)


def checked_phone(typed: str, field: str = "phone") -> str:
    """Return a telephone number, blanks taken out; Invalid when it is none. Empty stays empty."""
    number = "".join(typed.split())
    if number and not PHONE.fullmatch(number):
        raise Invalid(PHONE_RULE, field=field)
    return number


def folded_credit_code(code: str) -> str:
    """Return a unified social credit code as it is kept: without blanks, in plain capitals."""
    return str(uscc.compact(code))


def checked_credit_code(code: str) -> str:
    """Return a unified social credit code; Invalid when its check character is wrong."""
    try:
        return str(uscc.validate(code))
    except ValidationError as fault:
        raise Invalid("统一社会信用代码有误，请核对", field="credit_code") from fault
