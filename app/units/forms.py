"""The forms of units and of their accounts, which no process draws."""

import re
from collections.abc import Iterable

from wtforms import (
    BooleanField,
    DateField,
    Form,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import AnyOf, DataRequired, Length, Optional, Regexp

from app.accounts.terms import TERM_HELP
from app.core.permissions import ROLES
from app.units import areas, choosing, posts
from app.units.code_lists import AREA_OFFICES, KINDS, POST_LEVELS, TYPES
from app.units.models import Unit
from app.units.operations import STAFF_ROLES
from forms.lists import named_lists

# A unit may be told by the names of all its superiors and its own.
LONGEST_PATH = 1300


def _stripped(value: str | None) -> str:
    return (value or "").strip()


def _named() -> StringField:
    told = [DataRequired("请填写姓名"), Length(max=60, message="不能超过 60 个字")]
    return StringField("姓名", told, filters=[_stripped])


def _text(label: str, most: int, description: str = "") -> StringField:
    told = [Optional(), Length(max=most, message=f"不能超过 {most} 个字")]
    return StringField(label, told, filters=[_stripped], description=description)


def _choices(names: Iterable[str]) -> list[SelectChoice]:
    return [SelectChoice("", "请选择"), *(SelectChoice(name, name) for name in names)]


def _one_of(label: str, names: Iterable[str]) -> SelectField:
    """Return a choice of a code list; whether it holds is judged with everything else."""
    told = [DataRequired(f"请选择{label}")]
    return SelectField(label, told, choices=_choices(names), validate_choice=False)


class UnitFields(Form):
    """What is entered of every unit, however it comes to be."""

    name = StringField(
        "单位名称",
        [DataRequired("请填写单位名称"), Length(max=100, message="不能超过 100 个字")],
        filters=[_stripped],
    )
    type = _one_of("单位类型", TYPES)
    kind = _one_of("单位性质", KINDS)
    area_code = SelectField(
        "属地",
        [DataRequired("请选择属地")],
        validate_choice=False,
        render_kw={"data-search": ""},
        description="省属单位选省，市属单位选市，其他选县（市、区）",
    )
    credit_code = _text("统一社会信用代码", 18, description="18 位；没有或与上级共用的不填")

    def offer_areas(self, provinces: Iterable[str]) -> None:
        """Offer the areas of provinces, told by two digits, and the one that is chosen."""
        offered = areas.choices(provinces)
        chosen = self.area_code.data
        if chosen in areas.names() and chosen not in dict(offered):
            offered.append((chosen, areas.told(chosen)))
        self.area_code.choices = [
            SelectChoice("", "请选择"),
            *(SelectChoice(code, name) for code, name in offered),
        ]

    def offer_types(self, *, serves_area: bool) -> None:
        """Offer the types of units, personnel departments only where that may be."""
        names = [name for name in TYPES if serves_area or name not in AREA_OFFICES]
        self.type.choices = _choices(names)


LOGIN_HELP = "2-40 位字母、数字或 . _ -，不分大小写，不能使用证件号码"


def _login(label: str, more: str = "") -> StringField:
    told = [DataRequired(f"请填写{label}"), Length(max=60, message="不能超过 60 个字")]
    return StringField(label, told, filters=[_stripped], description=LOGIN_HELP + more)


class BranchForm(UnitFields):
    """A unit below one's own, and its first administrator (建立次级单位)."""

    has_leader = BooleanField("设单位领导（经办人审核后由领导审定）")
    admin_name = StringField(
        "管理员姓名",
        [DataRequired("请填写管理员姓名"), Length(max=60, message="不能超过 60 个字")],
        filters=[_stripped],
    )
    login = _login("管理员登录名")

    def offer(self, *, area_code: str, serves_area: bool) -> None:
        """Offer the areas of a superior's province; personnel departments are below others."""
        self.offer_areas({area_code[:2]})
        self.offer_types(serves_area=serves_area)


def _superior(description: str) -> StringField:
    """Return the field of another unit, which is told by its name."""
    return _text("上级单位", LONGEST_PATH, description)


class RegistrationForm(UnitFields):
    """A unit that asks to be registered, and its first administrator (单位注册, FJ-U-02)."""

    superior = _superior("有上级单位的填写其名称，由上级单位审核；没有的留空，由属地人社部门审核")
    legal_person = StringField(
        "法定代表人姓名",
        [DataRequired("请填写法定代表人姓名"), Length(max=60, message="不能超过 60 个字")],
        filters=[_stripped],
    )
    admin_name = StringField(
        "管理员姓名",
        [DataRequired("请填写管理员姓名"), Length(max=60, message="不能超过 60 个字")],
        filters=[_stripped],
        description="本单位人事部门的负责人，通过后开通单位管理员账号",
    )
    admin_phone = StringField(
        "管理员手机号码",
        [DataRequired("请填写管理员手机号码"), Length(max=20, message="不能超过 20 个字")],
        filters=[_stripped],
    )
    login = _login("管理员登录名", "；已有人使用的，审核通过后由系统另行分配，见“注册进度”")
    note = TextAreaField(
        "补充说明",
        [Optional(), Length(max=500, message="不能超过 500 个字")],
        filters=[_stripped],
        render_kw={"rows": 3},
    )

    def offer(self, provinces: Iterable[str]) -> None:
        """Offer the areas where there are offices, and the types that register themselves."""
        self.offer_areas(provinces)
        self.offer_types(serves_area=False)


def _evidence() -> StringField:
    """Return the field at which faults of the evidence are told; its files are read apart."""
    return StringField("佐证材料")


class ChangeForm(UnitFields):
    """What a unit wants changed of its locked data (单位变更)."""

    evidence = _evidence()

    parent = _superior("填写名称或其中一部分；变更后由其审核，审核链随之改变；没有的留空")
    reason = TextAreaField(
        "变更理由",
        [DataRequired("请填写变更理由"), Length(max=500, message="不能超过 500 个字")],
        filters=[_stripped],
        render_kw={"rows": 3},
        description="写明依据，如批准更名、划转的文件名称和文号",
    )

    def offer(self, provinces: Iterable[str], *, serves_area: bool) -> None:
        """Offer the areas of provinces; a personnel department stands below another."""
        self.offer_areas(provinces)
        self.offer_types(serves_area=serves_area)


class OwnDataForm(Form):
    """What a unit keeps up to date by itself (完善单位信息, FJ-U-21)."""

    legal_person = _text("法定代表人姓名", 60)
    legal_id = _text(
        "法定代表人身份证号码", 30, description="加密保存；不修改的留空，页面只显示前六位和后四位"
    )
    contact_name = _text("联系人姓名", 60)
    contact_phone = _text("联系人手机号码", 20)
    address = _text("通信地址", 200)
    has_leader = BooleanField("设单位领导（经办人审核后由领导审定）")


WHOLE = re.compile("[0-9]{1,5}")


def _number(label: str) -> StringField:
    shape = Regexp(re.compile(rf"{WHOLE.pattern}\Z"), message="请填写 0 至 99999 的整数")
    return StringField(label, [Optional(), shape], filters=[_stripped])


class PostForm(Form):
    """The approved posts of a unit, by level (岗位核准信息, FJ-U-22)."""

    file = StringField("岗位核准表", filters=[_stripped])
    reason = TextAreaField(
        "变更理由",
        [Optional(), Length(max=500, message="不能超过 500 个字")],
        filters=[_stripped],
        render_kw={"rows": 3},
    )

    over_is_true = BooleanField("已聘人数超过核定岗位数属实（超岗聘用）")
    fewer_is_true = BooleanField("已聘人数少于平台现记人数属实（已调离、退休等）")

    def entry(self) -> posts.Entry:
        """Return what was filled in; a level left blank has no posts."""
        typed = {
            level: (self._at("approved", number), self._at("occupied", number))
            for number, level in enumerate(POST_LEVELS)
        }
        counts = {level: (m or 0, n or 0) for level, (m, n) in typed.items()}
        chosen = str(self.file.data or "")
        file_id = int(chosen) if chosen.isdecimal() else None
        over, fewer = bool(self.over_is_true.data), bool(self.fewer_is_true.data)
        misread = frozenset(level for level, pair in typed.items() if None in pair)
        return posts.Entry(counts, file_id, self.reason.data or "", over, fewer, misread)

    def _at(self, name: str, number: int) -> int | None:
        typed = self[f"{name}_{number}"].data or "0"
        return int(typed) if WHOLE.fullmatch(typed) else None


for _no, _level in enumerate(POST_LEVELS):
    setattr(PostForm, f"approved_{_no}", _number(f"{_level}核定岗位数"))
    setattr(PostForm, f"occupied_{_no}", _number(f"{_level}已聘人数"))


MOBILE = re.compile(r"1[3-9][0-9]{9}\Z")
"""As the details of a person ask for it (forms/people/profile.yaml)."""


class BindingForm(Form):
    """What a person says with a request to a unit (绑定单位)."""

    unit_id = StringField("单位")
    freelancer = StringField("是否自由职业者", default="no")
    evidence = _evidence()
    phone = StringField(
        "手机号码",
        [Optional(), Regexp(MOBILE, message="请填写 11 位手机号码")],
        filters=[lambda value: "".join((value or "").split())],
    )
    email = _text("邮箱", 120)
    politics = SelectField(
        "政治面貌",
        [Optional()],
        choices=[
            SelectChoice("", "请选择"),
            *(SelectChoice(value, label) for value, label in named_lists()["politics"]),
        ],
    )
    note = TextAreaField(
        "申请说明",
        [Optional(), Length(max=500, message="不能超过 500 个字")],
        render_kw={"rows": 3},
    )


def _yes_or_no(label: str, *, yes: str, no: str, default: str = "no") -> RadioField:
    return RadioField(
        label,
        [AnyOf(("yes", "no"), message="请选择是或否")],
        choices=[SelectChoice("yes", yes), SelectChoice("no", no)],
        default=default,
        validate_choice=False,
    )


class FirstUnitForm(Form):
    """A person's unit, chosen together with what they tell of themselves (同步选择单位)."""

    bind_now = _yes_or_no(
        "是否同步选择单位", yes="是，现在选择", no="否，以后再绑定", default="yes"
    )
    freelancer = _yes_or_no(
        "是否自由职业者", yes="是，由所在县（市、区）的人社部门审核", no="否，有工作单位"
    )
    wanted = _text("单位名称", 100, "填写名称的一部分后查询；自由职业者填写所在县（市、区）")
    unit_id = RadioField("查询结果", validate_choice=False, coerce=str)
    note = TextAreaField(
        "申请说明",
        [Optional(), Length(max=500, message="不能超过 500 个字")],
        filters=[_stripped],
        render_kw={"rows": 2},
    )
    keeper = _text(
        "人事档案主管", LONGEST_PATH, "保管您人事档案的单位或人才服务机构，可以以后再选"
    )

    @property
    def wish(self) -> choosing.Wish | None:
        """What was filled in; None where the unit is to be bound later."""
        if self.bind_now.data == "no":
            return None
        chosen = str(self.unit_id.data or "")
        return choosing.Wish(
            self.wanted.data or "",
            int(chosen) if chosen.isdecimal() else 0,
            self.note.data or "",
            self.keeper.data or "",
            freelancer=self.freelancer.data == "yes",
        )

    def offer(self, units: list[Unit]) -> None:
        """Offer the units that fit what was typed; the only one is chosen."""
        self.unit_id.choices = [
            SelectChoice(str(each.id), f"{each.name}（{each.kind}，{each.area_name}）")
            for each in units[: choosing.SHOWN]
        ]
        if len(units) == 1:
            self.unit_id.data = str(units[0].id)
        if len(units) > choosing.SHOWN:
            self.unit_id.description = f"只列出前 {choosing.SHOWN} 个，没有您单位的，请多填几个字"


class KeeperForm(Form):
    """Who keeps a person's personnel file (人事档案主管)."""

    keeper = StringField(
        "人事档案主管",
        [DataRequired("请填写人事档案主管"), Length(max=LONGEST_PATH, message="名称过长")],
        filters=[_stripped],
        description="保管您人事档案的单位或人才服务机构，填写名称或其中一部分",
    )


class StaffForm(Form):
    """An account of the unit's staff (新增工作人员)."""

    name = _named()
    login = _login("登录名")
    role = SelectField(
        "角色",
        [DataRequired("请选择角色"), AnyOf(STAFF_ROLES, message="请选择角色")],
        choices=[
            SelectChoice("", "请选择"),
            *(SelectChoice(role, ROLES[role]) for role in STAFF_ROLES),
        ],
        validate_choice=False,
    )
    until = DateField("截止日期", [DataRequired("请填写截止日期")], description=TERM_HELP)


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
