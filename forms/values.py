"""Typed reading of YAML values; every complaint says where."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from forms.spec import Choice, FormSpecError

Data = Mapping[str, Any]


def keys(data: Data, known: frozenset[str] | set[str], where: str) -> None:
    """Refuse keys that nobody reads."""
    unknown = [str(key) for key in data if key not in known]
    if unknown:
        raise FormSpecError(f"{where}: 未知的键 “{'”、“'.join(unknown)}”")


def pairs(data: Any, where: str) -> dict[str, Any]:
    """Return a mapping."""
    if not isinstance(data, dict):
        raise FormSpecError(f"{where}: 应为键值对")
    return data


def items(data: Data, key: str, where: str) -> list[Any]:
    """Return a list; missing is empty."""
    value = data.get(key, [])
    if not isinstance(value, list):
        raise FormSpecError(f"{where}: {key} 应为列表")
    return value


def text(data: Data, key: str, where: str) -> str:
    """Return a text; numbers and dates are taken as they were written."""
    value = data.get(key, "")
    if isinstance(value, (date, int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise FormSpecError(f"{where}: {key} 应为文字（是、否、yes、no 请加引号）")
    return value


def needed(data: Data, key: str, where: str) -> str:
    """Return a text that must be there."""
    value = text(data, key, where)
    if not value:
        raise FormSpecError(f"{where}: 缺少 {key}")
    return value


def flag(data: Data, key: str, where: str) -> bool:
    """Return true or false."""
    value = data[key]
    if not isinstance(value, bool):
        raise FormSpecError(f"{where}: {key} 应为 true 或 false")
    return value


def whole(data: Data, key: str, where: str) -> int:
    """Return a whole number from zero on."""
    value = data[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FormSpecError(f"{where}: {key} 应为非负整数")
    return value


def texts(data: Data, key: str, where: str) -> tuple[str, ...]:
    """Return a list of texts."""
    return tuple(text({key: value}, key, where) for value in items(data, key, where))


def default(data: Data, key: str, where: str) -> Any:
    """Return the value a field starts with."""
    value = data[key]
    if isinstance(value, list):
        return texts(data, key, where)
    return value if isinstance(value, bool) else text(data, key, where)


def choices(data: Data, key: str, where: str) -> tuple[Choice, ...]:
    """Return the options of a list."""
    return tuple(choice(value, key, where) for value in items(data, key, where))


def choice(value: Any, key: str, where: str) -> Choice:
    """Return one option: a text, [value, label], or value and label by name."""
    if isinstance(value, dict):
        keys(value, {"value", "label"}, where)
        value = [value.get("value"), value.get("label")]
    if not isinstance(value, list):
        value = [value, value]
    if len(value) != 2:
        raise FormSpecError(f"{where}: 选项应为文字或 [值, 名称]")
    first, second = (needed({key: each}, key, where) for each in value)
    return first, second


def conditions(data: Data, key: str, where: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the answers of other fields on which a field is due."""
    found = pairs(data[key], f"{where}: {key}")
    return tuple((str(name), wanted(value, key, where)) for name, value in found.items())


def wanted(value: Any, key: str, where: str) -> tuple[str, ...]:
    """Return the answers that make it due."""
    values = value if isinstance(value, list) else [value]
    return tuple(
        str(each).lower() if isinstance(each, bool) else text({key: each}, key, where)
        for each in values
    )
