"""Certificate numbers (证书编号) from a pattern that is data."""

import re
from string import Formatter

LENGTH = 19
_PARTS = frozenset({"region", "year", "code", "serial"})


class NumberingError(ValueError):
    """A pattern that cannot be used, or a number that does not fit it."""


def check_pattern(pattern: str) -> None:
    """Raise NumberingError unless a pattern names a serial and only known parts."""
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as error:
        raise NumberingError(f"证书编号规则不正确: {pattern}") from error
    named = [(name, spec) for _text, name, spec, _conversion in parts if name is not None]
    names = [name for name, _spec in named]
    if not set(names) <= _PARTS or "serial" not in names or len(set(names)) < len(names):
        raise NumberingError(f"证书编号规则中的变量不正确: {pattern}")
    if any(not re.fullmatch(r"(0[1-9]d)?", spec or "") for _name, spec in named):
        raise NumberingError(f"证书编号规则中的格式不正确: {pattern}")


def certificate_number(
    pattern: str, *, region: str, year: int, code: str, serial: int, length: int = LENGTH
) -> str:
    """Return the number, e.g. of "9{region}{year}{code}{serial:06d}".

    Raises NumberingError when it would not have `length` digits: a full series must not spill.
    """
    check_pattern(pattern)
    if serial < 1:
        raise NumberingError("证书流水号须从 1 开始")
    try:
        number = pattern.format(region=region, year=year, code=code, serial=serial)
    except ValueError as error:
        raise NumberingError(f"证书编号规则与内容不符: {pattern}") from error
    if not is_certificate_number(number, length):
        raise NumberingError(f"证书编号 {number} 不是 {length} 位数字")
    return number


def is_certificate_number(text: str, length: int = LENGTH) -> bool:
    """Tell whether a text is so many digits."""
    return re.fullmatch(rf"\d{{{length}}}", text, re.ASCII) is not None
