"""The forms of the administrators' pages, which no process draws."""

from wtforms import BooleanField, DateField, Form, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import DataRequired, Length, Optional

from app.accounts.grants import AT_A_UNIT, EVERYWHERE
from app.catalogue import jurisdictions
from app.core.permissions import ROLES
from app.units.forms import LONGEST_PATH, UnitFields

ROLE_CHOICES = [
    SelectChoice("", "请选择"),
    *(SelectChoice(role, f"{ROLES[role]}（须指定单位）") for role in AT_A_UNIT),
    *(SelectChoice(role, f"{ROLES[role]}（全平台）") for role in EVERYWHERE),
]


class UnitForm(UnitFields):
    """A unit's entry (单位登记)."""

    jurisdiction = SelectField("所属地区", validate_choice=False)
    parent = StringField(
        "上级单位",
        [Optional(), Length(max=LONGEST_PATH)],
        description="填写名称或其中一部分，同名的写作“上级 / 名称”；没有上级的留空",
    )
    reports_to = StringField(
        "审核后上报",
        [Optional(), Length(max=LONGEST_PATH)],
        description="审核链上的下一个单位，多数就是上级单位；不再上报的留空",
    )
    has_leader = BooleanField("设单位领导（经办人审核后由领导审定）", default=True)

    def offer_jurisdictions(self) -> None:
        """Offer every jurisdiction that has settings, and the areas of them all."""
        known = [jurisdictions.get(each) for each in jurisdictions.all_ids()]
        self.jurisdiction.choices = [SelectChoice(each.id, each.name) for each in known]
        self.offer_areas(each.certificate.region for each in known)


class AccountForm(Form):
    """A person and their account (开通账号)."""

    name = StringField("姓名", [DataRequired("请填写姓名"), Length(max=60)])
    id_number = StringField(
        "居民身份证号码",
        [Optional(), Length(max=30)],
        description="申报人必填；本人可用证件号码登录",
    )
    phone = StringField("手机号码", [Optional(), Length(max=20)])
    login = StringField(
        "登录名",
        [Optional(), Length(max=40)],
        description="2-40 位字母、数字或 . _ -，不能使用证件号码；留空则自动生成",
    )
    is_applicant = BooleanField("可以申报职称（申报人）")


class GrantForm(Form):
    """A role proposed for a person (授权申请)."""

    role = SelectField("角色", [DataRequired("请选择角色")], choices=ROLE_CHOICES)
    unit = StringField(
        "单位",
        [Optional(), Length(max=LONGEST_PATH)],
        description="填写名称或其中一部分，同名的写作“上级 / 名称”；全平台角色不填",
    )
    until = DateField("截止日期", [Optional()], description="当日结束时终止；留空则至主动终止为止")
    reason = TextAreaField("授权理由", [DataRequired("请填写授权理由"), Length(max=300)])
