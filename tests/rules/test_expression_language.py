"""The expression language: what it computes, and all that it refuses."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.expression import (
    MAX_COUNT,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_NUMBER,
    MAX_STRING,
    MAX_TEXT,
    MAX_VALUE_ITEMS,
    MAX_VALUE_TEXT,
    ExpressionError,
    compile_expression,
)

ESCAPES = [
    "import os\nos.system('touch PWN')",
    "x=__import__('os').system('touch PWN')",
    "__import__('os').system('touch PWN')",
    "open('PWN','w').write('x')",
    "[k for k in ().__class__.__base__.__subclasses__() if k.__name__=='_wrap_close'][0]",
    "().__class__.__base__.__subclasses__()",
    "g.gi_frame.f_back",
    "[x for x in g][0]",
    "e.__traceback__.tb_frame",
    "getattr(e,'__trace'+'back__').tb_frame",
    "json.codecs.sys.modules['os'].system('touch PWN')",
    "json.codecs.open('PWN','w')",
    "datetime.sys.modules['os'].system('touch PWN')",
    "re.enum.sys.modules['os'].system('touch PWN')",
    "'{0.__class__.__base__}'.format(())",
    "(lambda: 0).__globals__['__builtins__']",
    "len.__self__.__import__('os')",
    "helper.__globals__['os'].system('touch PWN')",
    "decl.repo.session.execute('x')",
    "9**9**8",
    "while True: pass",
    "'a'*(10**10)",
    "f'{decl.repo}'",
    "(x := 1)",
    "lambda: 1",
    "{k: 1 for k in x}",
    "{k for k in x}",
    "(k for k in x)",
    "await x",
    "yield x",
    "x[1:2]",
    "x[::2]",
    "len(*x)",
    "len(x, key=1)",
    "len",
    "min(len)",
    "x()()",
    "x[0]()",
    "eval('1')",
    "__builtins__",
    "_x",
    "x if _y else 1",
    "b'x'",
    "1j",
    "...",
    "{}",
    "{1}",
    "~1",
    "+1",
    "1 << 999",
    "7 % 2",
    "7 // 2",
    "x @ y",
    "1 is 1",
    "x is not y",
    "'\\x41'",
    "1 # and more",
    "ｌｅｎ(x)",
    "＿x",
    "x.y",
    "x\x00y",
    "\ud800",
    "(",
    "x ==",
    "",
    "   ",
    "1e999",
    "-" * 1999,
    "(" * 900 + ")" * 900,
]
STANDING = {"x": [1, 2], "decl": {"repo": 1}, "e": 1, "g": [1], "helper": 1, "json": {}, "y": 1}


@pytest.mark.parametrize("text", ESCAPES)
def test_an_escape_is_refused_before_anything_runs(text: str):
    with pytest.raises(ExpressionError):
        compile_expression(text)


WRAPPERS = ["({})", "not ({})", "x and ({})", "[1, {}]", "len([{}])", "1 if ({}) else 2", "x[{}]"]


@given(
    st.sampled_from([t for t in ESCAPES if t.strip()]),
    st.lists(st.sampled_from(WRAPPERS), max_size=4),
)
def test_an_escape_stays_refused_however_it_is_wrapped(text: str, wrappers: list[str]):
    for wrapper in wrappers:
        text = wrapper.format(text) if "{" not in text else wrapper.replace("{}", text)
    with pytest.raises(ExpressionError):
        compile_expression(text)


@given(st.text(max_size=60))
def test_any_text_is_either_refused_or_computed_as_plain_data(text: str):
    try:
        value = compile_expression(text).evaluate(STANDING)
    except ExpressionError:
        return
    assert isinstance(value, (str, int, float, bool, list, dict, type(None)))


NUMBERS = st.integers(-1000, 1000)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_arithmetic_and_comparison_agree_with_python(a: int, b: int, c: int):
    values = {"a": a, "b": b, "c": c}
    for text in (
        "a + b * c",
        "a - b - c",
        "-a + b",
        "a < b <= c",
        "a == b or b != c",
        "a > b and c",
    ):
        assert compile_expression(text).evaluate(values) == eval(text, {}, values)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('decision == "return"', True),
        ("3 * yes >= 2 * present", True),
        ("3 * yes / 2", 9.0),
        ("not decision", False),
        ('decision in ["pass", "return"]', True),
        ('decision not in ("pass", "return")', False),
        ("levels[0]", "市"),
        ('person["name"]', "苏晓禾"),
        ("yes if present > 6 else 0", 6),
        ("len(levels) + min(1, 2) + max([1, 5])", 7),
        ('date("2026-11-20") > date("2026-11-02")', True),
        ("nothing == None", True),
        ("1 < 2 > 3", False),
        ("weight * 2", Decimal("2.5")),
        ("决定\n  and\tdecision", "return"),
        ("0 or 5", 5),
        ("True and 0", 0),
        ("() == []", True),
    ],
)
def test_conditions_are_computed(text: str, value: Any):
    variables = {
        "decision": "return", "yes": 6, "present": 9, "levels": ["市"], "nothing": None,
        "person": {"name": "苏晓禾"}, "weight": Decimal("1.25"), "决定": True,
    }  # fmt: skip
    assert compile_expression(text).evaluate(variables) == value


def test_names_and_functions_are_reported():
    expression = compile_expression("workdays_after(today, 5) > 期限 and len(levels) > 0")
    assert expression.names == {"today", "期限", "levels"}
    assert expression.functions == {"workdays_after", "len"}


def test_a_function_that_needs_data_is_handed_in():
    expression = compile_expression("workdays_after(today, 5)")
    days = {"workdays_after": lambda on, n: on + timedelta(days=n)}
    assert expression.evaluate({"today": date(2026, 11, 20)}, days) == date(2026, 11, 25)
    with pytest.raises(ExpressionError, match="这里不能使用函数“workdays_after”"):
        expression.evaluate({"today": date(2026, 11, 20)})


def test_a_variable_named_like_a_function_cannot_take_its_place():
    assert compile_expression("len(x)").evaluate({"x": [1], "len": lambda _: 99}) == 1


def test_only_the_declared_names_and_functions_may_occur():
    with pytest.raises(ExpressionError, match="没有名为“b”的变量"):
        compile_expression("a + b", names={"a"})
    with pytest.raises(ExpressionError, match="没有名为“len”的函数"):
        compile_expression("len(a)", functions={"min"})
    assert compile_expression("a", names=["a"]).evaluate({"a": 1}) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("missing > 1", "变量“missing”还没有值"),
        ("thing == 1", "变量“thing”不是可用的数据"),
        ('word + "b"', "这里需要数字"),
        ("yes + True", "这里需要数字"),
        ("word * 3", "这里需要数字"),
        ("-word", "这里需要数字"),
        ("yes / 0", "除数是 0"),
        ("yes < word", "两边的值无法比较"),
        ("yes in yes", "两边的值无法比较"),
        ("word[0]", "只能对列表和字典取值"),
        ("levels[5]", "取不到这一项"),
        ('levels["a"]', "取不到这一项"),
        ("mixed[0]", "变量“mixed”不是可用的数据"),
        ("len(yes)", "函数“len”无法计算"),
        ('date("2026-02-30")', "函数“date”无法计算"),
        ("huge * huge", "数字过大"),
        ("huge + huge", "数字过大"),
        ("endless - 1", "数字过大"),
        ("endless * 1", "数字过大"),
        ("vague == 1", "变量“vague”不是可用的数据"),
        ("-endless", "数字过大"),
        ("-yes / 7 + vague", "变量“vague”不是可用的数据"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(text: str, message: str):
    variables = {
        "yes": 6, "word": "a", "levels": ["市"], "mixed": ["市", object()],
        "thing": object(), "huge": MAX_NUMBER, "endless": float("inf"),
        "vague": Decimal("NaN"),
    }  # fmt: skip
    with pytest.raises(ExpressionError, match=message):
        compile_expression(text).evaluate(variables)


def test_the_place_counts_characters_not_bytes():
    with pytest.raises(ExpressionError) as caught:
        compile_expression("  决定 == 通过.长度")
    assert caught.value.position == 8
    assert str(caught.value) == "不能使用点号取属性（第 9 个字符，“通过.长度”处）"


def test_a_fault_at_the_end_says_so():
    with pytest.raises(ExpressionError, match=r"第 1 个字符，末尾"):
        compile_expression(" ")


def test_texts_lists_strings_and_nesting_are_bounded():
    compile_expression("x" * MAX_TEXT)
    compile_expression("[" + "1," * MAX_ITEMS + "]")
    compile_expression("'" + "a" * MAX_STRING + "'")
    compile_expression("not " * MAX_DEPTH + "x")
    for text in (
        "x" * (MAX_TEXT + 1),
        "[" + "1," * (MAX_ITEMS + 1) + "]",
        "'" + "a" * (MAX_STRING + 1) + "'",
        "not " * (MAX_DEPTH + 1) + "x",
        "x+" * 900 + "x",
    ):
        with pytest.raises(ExpressionError):
            compile_expression(text)


def holding_itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _level in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("字" * (MAX_VALUE_TEXT + 1), f"变量“x”的文字超过 {MAX_VALUE_TEXT} 个字符"),
        ({"a": ["b" * (MAX_VALUE_TEXT + 1)]}, "的文字超过"),
        ({"b" * (MAX_VALUE_TEXT + 1): 1}, "的文字超过"),
        (MAX_NUMBER + 1, "变量“x”的数字过大"),
        ([1, [-MAX_NUMBER - 1]], "变量“x”的数字过大"),
        (float("nan"), "变量“x”的数字过大"),
        ([0] * (MAX_VALUE_ITEMS + 1), f"变量“x”超过 {MAX_VALUE_ITEMS} 项"),
        ([[0] * 99] * 99, f"变量“x”超过 {MAX_VALUE_ITEMS} 项"),
        (dict.fromkeys(range(MAX_VALUE_ITEMS + 1)), f"变量“x”超过 {MAX_VALUE_ITEMS} 项"),
        (holding_itself(), f"变量“x”超过 {MAX_VALUE_ITEMS} 项"),
        (deep(MAX_VALUE_ITEMS + 1), f"变量“x”超过 {MAX_VALUE_ITEMS} 项"),
    ],
)
def test_values_that_are_given_are_bounded(value: Any, message: str):
    for text in ("x", "x == x", "[x]", "len([x])", "1 if x else 2", "y or x"):
        with pytest.raises(ExpressionError, match=message):
            compile_expression(text).evaluate({"x": value, "y": 0})


def test_values_at_the_bounds_are_taken():
    for value in ("字" * MAX_VALUE_TEXT, MAX_NUMBER, [0] * MAX_VALUE_ITEMS, deep(900)):
        assert compile_expression("x").evaluate({"x": value}) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[x, x, x]", f"列表超过 {MAX_VALUE_ITEMS} 项（第 1 个字符"),
        ("1 if len([x, [x, x]]) else 2", f"列表超过 {MAX_VALUE_ITEMS} 项（第 14 个字符"),
        ("n * n * n * n", "数字过大（第 1 个字符"),
        ("1 + n * n / n", "数字过大（第 5 个字符"),
        ("n - 1 - n - n - n", "数字过大"),
        ("much(k)", "函数“much”的结果的文字超过"),
        ("wide(k)", f"函数“wide”的结果超过 {MAX_VALUE_ITEMS} 项"),
        ("big(k) > 1", "函数“big”的结果的数字过大"),
        ("odd(k)", "函数“odd”的结果不是可用的数据"),
        ("own(k)", "函数“own”无法计算"),
    ],
)
def test_what_is_computed_on_the_way_is_bounded_too(text: str, message: str):
    functions = {
        "much": lambda _: "a" * (MAX_VALUE_TEXT + 1),
        "wide": lambda _: [0] * (MAX_VALUE_ITEMS + 1),
        "big": lambda k: k * MAX_NUMBER,
        "odd": lambda _: object(),
        "own": lambda _: deep(100_000) == deep(100_000),
    }
    variables = {"n": MAX_NUMBER // 2, "k": 7, "x": [0] * (MAX_VALUE_ITEMS // 2)}
    expression = compile_expression(text, functions={"len", *functions})
    with pytest.raises(ExpressionError, match=re.escape(message)):
        expression.evaluate(variables, functions)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("decision == x.长度", "不能使用点号取属性（第 13 个字符，“x.长度”处）"),
        ("len(*levels)", "不能用星号展开（第 5 个字符，“*levels)”处）"),
        ("{1: 2} == x", "不能写字典（第 1 个字符，“{1: 2} == x”处）"),
        ("x in {1, 2}", "不能写集合（第 6 个字符，“{1, 2}”处）"),
        ("await x", "不能等待（第 1 个字符，“await x”处）"),
        ("2 + 决定 ** 3", "只能使用 + - * / 运算（第 5 个字符，“决定 ** 3”处）"),
        ("x == 'a", "语法不正确（第 6 个字符，“'a”处）"),
        ("1 == 9999999999999999", "数字过大（第 6 个字符，“9999999999999999”处）"),
        ("x in 'a' and eval(x)", "没有名为“eval”的函数（第 14 个字符，“eval(x)”处）"),
        ("x if y", "语法不正确（第 1 个字符，“x if y”处）"),
    ],
)
def test_a_fault_is_said_in_chinese_with_the_place_it_stands_at(text: str, said: str):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert str(caught.value) == said


@pytest.mark.parametrize("count", ["1000000", "-5", "600 + 500", "2.5", "True"])
def test_a_count_that_a_function_is_given_is_judged_where_it_is_written(count: str):
    text = f"workdays_after(today, {count})"
    with pytest.raises(ExpressionError, match=f"这里要写 0 到 {MAX_COUNT} 的整数") as refused:
        compile_expression(text)
    assert text[refused.value.position :].startswith(count)


def test_a_count_that_is_computed_is_judged_when_it_is_known():
    asked: list[object] = []
    functions = {"workdays_after": lambda day, count: asked.append(count)}
    expression = compile_expression("workdays_after(today, days * 10)")
    for days in (0, MAX_COUNT // 10):
        expression.evaluate({"today": "2026-01-05", "days": days}, functions)
    for days in (-1, MAX_COUNT, 2.5):
        with pytest.raises(ExpressionError, match="“days \\* 10\\)”处"):
            expression.evaluate({"today": "2026-01-05", "days": days}, functions)
    assert asked == [0, MAX_COUNT]


def test_our_own_functions_take_numbers_of_any_size():
    assert compile_expression("max(5000, 2.5)").evaluate({}) == 5000
