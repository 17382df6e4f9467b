"""Escapes and bombs in hundreds of disguises, the same ones from the same seed."""

import base64
import random
from collections.abc import Callable, Iterator

from tests.engine.gate_escapes import ESCAPES

Choice = random.Random

GOALS = [
    *ESCAPES.values(),
    "eval('1')",
    "exec('x = 1')",
    "compile('1', 'x', 'eval')",
    "globals()",
    "vars()",
    "breakpoint()",
    "type(amount)",
    "amount.__class__",
    "amount.real",
    "decision.format",
    "__builtins__",
    "__import__",
]
"""What the disguises hide; each is refused bare."""

LOOK_ALIKES = {
    "_": "＿‿﹍ˍ",
    "o": "ｏоο𝐨ℴ",
    "e": "ｅеℯ𝐞",
    "i": "ｉіⅰ𝐢",
    "s": "ｓѕ𝐬ſ",
    "p": "ｐр𝐩",
    "a": "ａа𝐚ª",
    "l": "ｌⅼ𝐥",
    ".": "．。․",
    "(": "（❨",
    ")": "）❩",
    "'": "’＇`",
    "*": "＊∗",
}
SPACES = ["\t", "\n", "\r\n", " \\\n", "\u00a0", "\u3000", "\u2003", "\u200b", "\ufeff", "\u2028"]
WRAPPERS = [
    "({})",
    "not ({})",
    "-({})",
    "[{}]",
    "({},)",
    "len([{}])",
    "max({}, 1)",
    "amount and ({})",
    "amount == 1 or ({})",
    "1 if ({}) else 2",
    "({}) if amount else 1",
    "voters[{}]",
    "[{}][0]",
    "(({})) == amount",
    "amount in [1, {}]",
]


def look_alike(text: str, choice: Choice) -> str:
    """Some letters replaced by others that look the same or normalise to them."""
    return "".join(
        choice.choice(LOOK_ALIKES[c]) if c in LOOK_ALIKES and choice.random() < 0.5 else c
        for c in text
    )


def nested(text: str, choice: Choice) -> str:
    for _level in range(choice.randint(1, 12)):
        text = choice.choice(WRAPPERS).replace("{}", text)
    return text


def spaced(text: str, choice: Choice) -> str:
    """Unusual blanks around what separates the words."""
    return "".join(
        choice.choice(SPACES) + c if c in "().,[]'" and choice.random() < 0.4 else c for c in text
    )


def encoded(text: str, choice: Choice) -> str:
    """The text behind a decoding."""
    raw = text.encode()
    ways = [
        "eval('" + "".join(f"\\x{byte:02x}" for byte in raw) + "')",
        'eval("' + "".join(f"\\u{ord(c):04x}" for c in text[:200]) + '")',
        "eval(bytes.fromhex('" + raw.hex() + "'))",
        "eval(__import__('base64').b64decode('" + base64.b64encode(raw).decode() + "'))",
        "eval(''.join(map(chr, " + str(list(raw[:60])) + ")))",
        "eval(b'" + "".join(f"\\{byte:03o}" for byte in raw) + "')",
        text.replace("_", "\\N{LOW LINE}"),
        text.replace("os", "'%c%c' % (111, 115)"),
    ]
    return choice.choice(ways)


def walrus(text: str, choice: Choice) -> str:
    return choice.choice(["(x := {})", "[x := {}, x]", "(f := len) and f([{}])"]).replace(
        "{}", text
    )


def f_string(text: str, choice: Choice) -> str:
    ways = [
        "f'''{%s}'''",
        'f"{%s!r:>{amount}}"',
        "f'{%s=}'",
        "rf'{%s}'",
        "'{}'.format(%s)",
        "'%%s' %% (%s)",
    ]
    return choice.choice(ways) % text


def comprehension(text: str, choice: Choice) -> str:
    ways = [
        "[%s for x in voters]",
        "{%s for x in voters}",
        "{x: %s for x in voters}",
        "len(%s for x in voters)",
        "[x for x in [%s]]",
        "[y for x in [[]] for y in [%s]]",
        "max(x async for x in %s)",
    ]
    return choice.choice(ways).replace("%s", text)


def in_lambda(text: str, choice: Choice) -> str:
    ways = [
        "(lambda: %s)()",
        "(lambda x=%s: x)()",
        "(lambda *a: a)(%s)",
        "max(voters, key=lambda x: %s)",
    ]
    return choice.choice(ways).replace("%s", text)


def starred(text: str, choice: Choice) -> str:
    ways = ["[*%s]", "max(*%s)", "len(**%s)", "{**%s}", "(*%s, 1)", "max(*[%s])", "date(*'%s')"]
    return choice.choice(ways).replace("%s", text.replace("'", '"'))


def by_attribute(text: str, choice: Choice) -> str:
    """A dunder that is put together out of pieces."""
    name = choice.choice(["class", "globals", "subclasses", "dict", "self", "reduce", "init"])
    ways = [
        f"getattr(amount, '__' + '{name}' + '__')",
        f"getattr({text.splitlines()[0]}, '_' * 2 + '{name}' + '_' * 2)",
        f"'{{0.__{name}__}}'.format(amount)",
        f"'{{a.__{name}__}}'.format_map(json)",
        f"amount.__{name}__",
        f"amount.__getattribute__('__{name}__')",
        f"decision['__{name}__']",
        f"json['__{name}__']({text.splitlines()[0]})",
        f"(amount).  __{name}__",
        f"len.__{name}__",
    ]
    return choice.choice(ways)


def huge(_text: str, choice: Choice) -> str:
    digits = choice.randint(15, 1900)
    ways = [
        "9" * digits,
        "0x" + "f" * digits,
        "0b" + "1" * digits,
        "1e" + "9" * choice.randint(2, 6),
        "1_000" * choice.randint(4, 300),
        "'" + "長" * digits + "'",
        "[" + "9," * (digits // 2) + "]",
        "9" * digits + "j",
        "-" + "9" * digits,
        "." + "9" * digits,
    ]
    return choice.choice(ways)


def powers(_text: str, choice: Choice) -> str:
    base, top = choice.randint(2, 99), choice.randint(2, 10**6)
    ways = [
        "{0}**{1}",
        "{0}**{0}**{1}",
        "pow({0}, {1})",
        "{0}<<{1}",
        "amount**-{1}",
        "({0}**{1})%7",
        "{0}//{1}",
    ]
    return choice.choice(ways).format(base, top)


def multiplied(_text: str, choice: Choice) -> str:
    """Numbers that grow, or only seem to."""
    factor = choice.choice(["9", "99999", "999999999999999", "1", "0.5", "amount", "(amount + 1)"])
    sign = choice.choice([" * ", "*", " + ", " / ", " - "])
    return sign.join([factor] * choice.choice([2, 3, 5, 8, 40, 300]))


def repeated(_text: str, choice: Choice) -> str:
    thing = choice.choice(["'a'", "decision", "[1]", "[[]]", "(1,)", "voters", "b'a'", "[voters]"])
    count = choice.choice(
        ["10", "10**10", "999999999999", "amount", "len(decision)", "'a'", "1e9"]
    )
    return choice.choice(
        [f"{thing}*{count}", f"{count} * {thing}", f"len({thing}*{count})", f"{thing}+{thing}"]
    )


def deep(text: str, choice: Choice) -> str:
    depth = choice.randint(10, 900)
    inner = choice.choice([text, "amount", "1"])
    ways = [
        "(" * depth + inner + ")" * depth,
        "[" * depth + inner + "]" * depth,
        "-" * depth + inner,
        "not " * (depth // 2) + inner,
        "max(" * (depth // 3) + inner + ")" * (depth // 3),
        "voters[" * (depth // 4) + inner + "]" * (depth // 4),
        "1 if " * (depth // 5) + inner + " else 2" * (depth // 5),
        " and ".join([inner] * (depth // 8 + 1)),
        " < ".join(["amount"] * depth),
    ]
    return choice.choice(ways)


def in_statement(text: str, choice: Choice) -> str:
    first = text.splitlines()[0]
    ways = [
        *("x = %s", "%s; %s", "amount\n%s", "def f(): return %s", "if amount: %s", "del %s"),
        *("assert %s", "return %s", "yield %s", "await %s", "import os, %s", "@%s", "raise %s"),
        *("with %s: pass", "%s #", "amount #\n%s"),
    ]
    return choice.choice(ways).replace("%s", first)


DISGUISES: dict[str, Callable[[str, Choice], str]] = {
    disguise.__name__: disguise
    for disguise in (
        look_alike, nested, spaced, encoded, walrus, f_string, comprehension, in_lambda, starred,
        by_attribute, huge, powers, multiplied, repeated, deep, in_statement,
    )
}  # fmt: skip


def variants(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Yield disguises and different texts, each disguise as often as the others."""
    choice = random.Random(seed)
    seen: set[str] = set()
    names = sorted(DISGUISES)
    while len(seen) < count:
        name = names[len(seen) % len(names)]
        text = DISGUISES[name](choice.choice(GOALS), choice)
        if choice.random() < 0.3:
            more = choice.choice([nested, spaced, look_alike])
            text, name = more(text, choice), f"{name}, {more.__name__}"
        if text not in seen:
            seen.add(text)
            yield name, text
