"""Numbers with a check digit: each function says what is wrong with one, or nothing."""

import re


def isbn(text: str) -> str | None:
    """Check a book number (ISBN), old or new, with or without hyphens."""
    number = re.sub(r"^ISBN[:： ]*", "", text.strip().upper())
    digits = re.sub(r"[-－–— ]", "", number)
    if re.fullmatch(r"97[89]\d{10}", digits, re.ASCII):
        total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
        return None if total % 10 == 0 else "ISBN 校验码不正确，请核对"
    if re.fullmatch(r"\d{9}[\dX]", digits, re.ASCII):
        return None if _weighted(digits, 10) else "ISBN 校验码不正确，请核对"
    return "ISBN 应为 13 位或 10 位"


def issn(text: str) -> str | None:
    """Check a serial number (ISSN)."""
    digits = re.sub(r"^ISSN[:： ]*", "", text.strip().upper()).replace("-", "")
    if not re.fullmatch(r"\d{7}[\dX]", digits, re.ASCII):
        return "ISSN 应为 8 位"
    return None if _weighted(digits, 8) else "ISSN 校验码不正确，请核对"


def _weighted(digits: str, length: int) -> bool:
    """Tell whether the digits, weighted from `length` down to 1, divide by eleven."""
    values = (10 if digit == "X" else int(digit) for digit in digits)
    return sum(value * (length - i) for i, value in enumerate(values)) % 11 == 0
