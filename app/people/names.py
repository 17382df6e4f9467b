"""Names as people may type them: no address, number or link, which others would read."""

import re

_LETTERS = r"[^\W\d_]+"
NAME = re.compile(rf"(?=.{{2}}){_LETTERS}([· ]+{_LETTERS})*\Z")
RULE = "只能填写文字、间隔号“·”和空格，至少两个字"
