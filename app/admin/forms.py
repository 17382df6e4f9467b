"""The forms of the administrators' pages, which no process draws."""

from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    Form,
    PasswordField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import DataRequired, Length, Optional

from app.accounts.grants import EVERYWHERE
from app.accounts.terms import TERM_HELP
from app.catalogue import jurisdictions
from app.core.permissions import ROLES, STAFF
from app.openid.keeping import ProviderFacts
from app.units.forms import LONGEST_PATH, UnitFields

ROLE_CHOICES = [
    SelectChoice("", "请选择"),
    *(SelectChoice(role, f"{ROLES[role]}（须指定单位）") for role in STAFF),
    *(SelectChoice(role, f"{ROLES[role]}（全平台）") for role in EVERYWHERE),
]


def jurisdiction_choices() -> list[SelectChoice]:
    """Return every jurisdiction that has settings."""
    known = [jurisdictions.get(each) for each in jurisdictions.all_ids()]
    return [SelectChoice(each.id, each.name) for each in known]


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
        self.jurisdiction.choices = jurisdiction_choices()
        self.offer_areas(each.certificate.region for each in known)


class UnitChangeForm(UnitForm):
    """What is entered of a unit that exists, and why it changes (修改单位)."""

    reason = TextAreaField(
        "修改原因",
        [DataRequired("请填写修改原因"), Length(max=300, message="不能超过 300 个字")],
        filters=[lambda text: (text or "").strip()],
        description="写明依据，如批准更名的文件名称和文号，或更正登记错误；记入单位沿革",
    )


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
    until = DateField(
        "截止日期", [Optional()], description=f"{TERM_HELP}。申报人不是职务，可以不填"
    )
    reason = TextAreaField("授权理由", [DataRequired("请填写授权理由"), Length(max=300)])


class ProviderForm(Form):
    """A provider of identities (统一身份认证)."""

    jurisdiction = SelectField("所属地区", [DataRequired("请选择所属地区")], validate_choice=False)
    name = StringField(
        "名称",
        [DataRequired("请填写名称"), Length(max=40)],
        description="显示在登录页的按钮上，例如 政务服务网",
    )
    for_persons = BooleanField("个人登录", default=True)
    for_units = BooleanField("法人登录")
    issuer = StringField(
        "issuer 地址",
        [DataRequired("请填写 issuer 地址"), Length(max=300)],
        description="与对方公布的完全一致，包括末尾有没有斜线",
    )
    client_id = StringField(
        "客户端编号（client_id）", [DataRequired("请填写客户端编号"), Length(max=200)]
    )
    secret = PasswordField(
        "客户端密钥（client_secret）",
        [Length(max=300)],
        description="加密保存，不再显示；没有密钥的客户端不填",
    )
    scopes = StringField(
        "授权范围（scope）",
        [DataRequired("请填写授权范围"), Length(max=200)],
        default="openid profile",
    )
    name_claim = StringField("姓名", [Length(max=60)], default="name")
    number_claim = StringField(
        "证件号码",
        [Length(max=60)],
        description="不填则不能识别已有人员，也不能自助开通，只能凭密码关联",
    )
    verified_claim = StringField(
        "证件号码已核实",
        [Length(max=60)],
        description="对方的号码有未经核实的，填写表示已核实的声明；全部核实的不填",
    )
    code_claim = StringField("统一社会信用代码", [Length(max=60)], description="法人登录必填")

    def offer_jurisdictions(self) -> None:
        """Offer every jurisdiction that has settings."""
        self.jurisdiction.choices = [SelectChoice("", "请选择"), *jurisdiction_choices()]

    def facts(self) -> ProviderFacts:
        """Return what was entered, without blanks around it."""
        values: dict[str, Any] = {
            name: value if isinstance(value, bool) else (value or "").strip()
            for name, value in self.data.items()
        }
        return ProviderFacts(**values)
