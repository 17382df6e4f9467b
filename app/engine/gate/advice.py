"""How a faulty expression is put right (改法), by what is wrong with it and where it stands."""

import re
from collections.abc import Collection

from app.engine.gate.words import nearest
from rules.expression import MAX_TEXT, ExpressionError

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_WRITTEN = (
    (r"\$\{|^\s*=", "不要用 ${…} 或等号开头的写法，直接写 EXAMPLE"),
    ("[“”‘’「」＂]", "引号要用英文的，如 EXAMPLE"),
    ("[（），；：＝＞＜！]", "括号、逗号和比较符号要用英文的"),
    (r"^\s*[PR][\dT]", '时长要加英文引号，如 "P5D"'),
    (r"\b(true|false)\b", "是、否要写作 True、False，首字母大写，不加引号"),
    (r"\blambda\b", "不能自己定义函数，只写一个判断或算式，如 score >= 60"),
    ("(?<![=!<>:])=(?!=)", "判断相等要写两个等号，如 EXAMPLE"),
)
"""What is looked for in an expression whose quoted texts are left out, and how it is put right."""
_SAID = (
    ("个字符$", "请拆成几个较短的判断，或改用决策表"),
    ("表达式为空", "请填写判断或算式，如 EXAMPLE"),
    ("数字过大", "请写小一些的数字，不超过 10 的 15 次方"),
    ("不能超过|嵌套超过", "请拆成几个较短的判断，或改用决策表"),
    ("的函数|函数“", "可以用的函数：FUNCTIONS"),
    ("只能调用", "可以用的函数：FUNCTIONS，函数名后直接写括号"),
    ("比较|需要数字|无法计算", "请检查两边是否是同一类的值：数字不加引号，文字要加英文引号"),
    ("0 到", "请写不大的整数"),
    ("语法不正确", "请检查括号、引号是否成对，比较的两边是否都写了"),
    (
        "点号|f 字符串|推导式|切片|星号|字典|集合|等待|产出|赋值|写法",
        "只写一个判断或算式，如 EXAMPLE",
    ),
    ("is not|代替", "判断相等写 ==，不相等写 !="),
    ("特殊字符|下划线|当作变量|不能使用字符", "请按提示改写这一处"),
)
"""What is looked for in what is wrong."""
_UNDECLARED = re.compile("没有名为“(.*)”的变量")
_DECLARE = "变量要由前面节点的 outcomes 或流程的 inputs 声明，文字要加英文引号"

IN_CONDITION = 'decision == "pass"'
IN_CELL = '"pass"、!= "pass" 或 >= 60'
"""How an expression may look where it stands."""


def advice(
    text: str,
    error: ExpressionError,
    names: Collection[str] = (),
    functions: Collection[str] = (),
    example: str = IN_CONDITION,
) -> str:
    """Return how a faulty expression is put right, where these names and functions exist."""
    if isinstance(error.__cause__, ZeroDivisionError):
        return "请改正除数；除数是变量的，先判断它不是 0，如 a / b if b != 0 else 0"
    hint = _hint(text, error)
    near = nearest(error_name(error), names)
    if hint == _DECLARE and near:
        hint = f"最接近的变量是“{near}”；{_DECLARE}"
    return hint.replace("EXAMPLE", example).replace("FUNCTIONS", "、".join(sorted(functions)))


def error_name(error: ExpressionError) -> str:
    """Return the name of the variable that an error misses, or an empty text."""
    found = _UNDECLARED.search(error.message)
    return found[1] if found else ""


def _hint(text: str, error: ExpressionError) -> str:
    if len(text) > MAX_TEXT:
        return _SAID[0][1]
    bare = _QUOTED.sub("", text)
    written = (hint for pattern, hint in _WRITTEN if re.search(pattern, bare))
    said = (hint for pattern, hint in _SAID if re.search(pattern, error.message))
    return next(written, "") or (_DECLARE if error_name(error) else next(said, _DECLARE))
