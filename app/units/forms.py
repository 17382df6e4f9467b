"""The forms of a unit's accounts, which no process draws."""

from wtforms import Form, SelectField, StringField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import AnyOf, DataRequired, Length, Optional

from app.core.permissions import ROLES
from app.units.operations import STAFF_ROLES


def _stripped(value: str | None) -> str:
    return (value or "").strip()


def _named() -> StringField:
    told = [DataRequired("请填写姓名"), Length(max=60, message="不能超过 60 个字")]
    return StringField("姓名", told, filters=[_stripped])


class StaffForm(Form):
    """An account of the unit's staff (新增工作人员)."""

    name = _named()
    login = StringField(
        "登录名",
        [DataRequired("请填写登录名"), Length(max=60, message="不能超过 60 个字")],
        filters=[_stripped],
        description="2-40 位字母、数字或 . _ -，不分大小写，不能使用证件号码",
    )
    role = SelectField(
        "角色",
        [DataRequired("请选择角色"), AnyOf(STAFF_ROLES, message="请选择角色")],
        choices=[
            SelectChoice("", "请选择"),
            *(SelectChoice(role, ROLES[role]) for role in STAFF_ROLES),
        ],
        validate_choice=False,
    )


class ApplicantForm(Form):
    """An account of one of the unit's own people (开通申报人账号)."""

    name = _named()
    id_number = StringField(
        "居民身份证号码",
        [DataRequired("请填写证件号码"), Length(max=60, message="不能超过 60 个字")],
        filters=[_stripped],
        description="性别和出生日期取自证件号码；本人可用证件号码登录",
    )
    phone = StringField(
        "手机号码",
        [Optional(), Length(max=20, message="不能超过 20 个字")],
        filters=[_stripped],
    )
