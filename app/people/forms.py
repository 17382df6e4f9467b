"""The forms of the personal centre that no process draws."""

from collections.abc import Iterable

from wtforms import Form, SelectField, StringField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import DataRequired, Length, Regexp

from app.people import names
from app.people.registering import Entry

IS_NAME = Regexp(names.NAME, message=names.RULE)


def _text(label: str, most: int, description: str = "", *more: Regexp) -> StringField:
    told = [
        DataRequired(f"请填写{label}"),
        Length(max=most, message=f"不能超过 {most} 个字"),
        *more,
    ]
    filters = [lambda value: (value or "").strip()]
    return StringField(label, told, filters=filters, description=description)


class RegistrationForm(Form):
    """Somebody who wants an account of their own (个人注册)."""

    name = _text("真实姓名", 60, "与身份证件一致，注册后只能凭证明材料更正", IS_NAME)
    id_number = _text("居民身份证号码", 30, "加密保存，页面只显示前六位和后四位")
    address = _text("电子邮箱", 120, "激活链接发往此邮箱，忘记密码时也用它重置")
    jurisdiction = SelectField("所在地区", [DataRequired("请选择所在地区")], validate_choice=False)

    @property
    def entry(self) -> Entry:
        """What was filled in."""
        return Entry(
            self.name.data or "",
            self.id_number.data or "",
            self.address.data or "",
            self.jurisdiction.data or "",
        )

    def offer(self, jurisdictions: Iterable[tuple[str, str]]) -> None:
        """Offer the jurisdictions, told by id and name, whose people register themselves."""
        self.jurisdiction.choices = [
            SelectChoice("", "请选择"),
            *(SelectChoice(key, name) for key, name in jurisdictions),
        ]
