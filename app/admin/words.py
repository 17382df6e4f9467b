"""What actions, conditions and audit events are called on the administrators' pages."""

from collections.abc import Mapping
from typing import Any

from app.core.permissions import ROLES

SCOPES = {"org": "单位", "meeting": "会议", "jurisdiction": "地区"}
AREAS = {
    "site": "公共页面",
    "file": "附件",
    "account": "账号",
    "unit": "单位",
    "inbox": "工作台",
    "task": "任务",
    "portfolio": "业绩",
    "plan": "评审计划",
    "committee": "评委会",
    "declaration": "申报",
    "expert": "专家",
    "meeting": "评审会议",
    "publicity": "公示",
    "objection": "异议",
    "certificate": "证书",
    "revocation": "证书撤销",
    "replacement": "补换证",
    "process": "流程",
    "instance": "在办流程",
    "incident": "流程异常",
    "grant": "授权",
    "permission": "权限",
    "audit": "审计",
    "person": "人员",
    "role": "角色",
    "binding": "绑定单位",
    "ballot": "投票",
    "result": "评审结果",
}
EVENTS = {
    "account:created": "开通账号",
    "account:locked": "停用账号",
    "account:password_set": "设置密码",
    "account:reset": "重置账号",
    "account:sign_in_failed": "登录失败",
    "account:signed_in": "登录",
    "account:unlocked": "启用账号",
    "account:sessions_ended": "强制退出登录",
    "account:voided": "作废原密码",
    "audit:exported": "导出审计日志",
    "audit:verified": "校验封印",
    "ballot:cast": "投出一票",
    "ballot:checked_in": "签到",
    "ballot:checked_out": "取消签到",
    "ballot:closed": "关闭投票",
    "ballot:key_collected": "领取密钥",
    "ballot:opened": "发起投票",
    "ballot:roll_prepared": "生成票源",
    "binding:approved": "通过绑定申请",
    "binding:entered": "单位开通并绑定",
    "binding:requested": "申请绑定单位",
    "binding:returned": "退回绑定申请",
    "committee:authorised": "登记评委会",
    "expert:entered": "专家入库",
    "expert:changed": "修改专家资料",
    "expert:removed": "专家出库",
    "meeting:created": "新增会议",
    "meeting:director_appointed": "指定主任",
    "meeting:exported": "导出会议材料",
    "meeting:leaders_appointed": "指定组长",
    "meeting:recused": "回避",
    "meeting:recusal_lifted": "取消回避",
    "meeting:result_confirmed": "确认结果",
    "meeting:reviewers_assigned": "分配主副审",
    "meeting:reviews_started": "开始材料评审",
    "meeting:scheme_approved": "通过评审方案",
    "meeting:scheme_returned": "退回评审方案",
    "meeting:scheme_submitted": "提交评审方案",
    "meeting:standard_confirmed": "确认评分标准",
    "meeting:standard_returned": "退回评分标准",
    "objection:investigated": "核查异议",
    "objection:received": "收到异议",
    "person:photo_set": "更新证件照片",
    "incident:retried": "重试流程异常",
    "instance:cancelled": "作废流程",
    "instance:migrated": "迁移流程",
    "instance:migration_undone": "撤销流程迁移",
    "instance:reassigned": "转办任务",
    "instance:resumed": "恢复流程",
    "instance:suspended": "暂停流程",
    "instance:timer_moved": "流程时限改期",
    "process:published": "发布流程",
    "publicity:confirmed": "确认公示结果",
    "publicity:ended": "公示结束",
    "publicity:opened": "开始公示",
    "result:revoked": "撤销结果",
    "role:confirmed": "复核授权",
    "role:ended": "终止授权",
    "role:granted": "授予角色",
    "role:proposed": "提出授权",
    "role:refused": "不同意授权",
    "unit:account_reset": "单位重置账号",
    "unit:changed": "修改单位",
    "unit:closed": "关闭单位",
    "unit:created": "登记单位",
}
CONDITIONS = {
    "administers_unit": "本单位的管理员",
    "keeps_members": "本单位的管理员或经办人",
    "may_read_file": "附件的上传人，或材料的办理人",
    "may_do_task": "任务分派给本人，或属于本人角色的范围",
    "may_see_item": "本人的业绩，或需要审核它的单位",
    "owns_item": "本人的业绩",
    "configures_plan": "组织该计划的单位",
    "owns_declaration": "本人的申报",
    "may_see_declaration": "本人的申报，或需要审核、评审它的人",
    "may_see_meeting": "会议的组织者、成员或监督员",
    "may_see_case": "会议中可以评审该材料的人",
    "runs_meeting": "组织该会议的单位",
    "may_export_meeting": "组织该会议的单位",
    "keeps_expert": "组建该评委会的单位，或将其入库的单位",
    "directs_meeting": "该会议的主任",
    "leads_a_group": "该会议的组长",
    "holds_a_key": "该会议的密钥持有人",
    "is_on_the_roll": "在该会议的投票名单上",
    "looks_after_publicity": "组织该公示的单位或监督员",
    "organises_objection": "组织该公示的单位或监督员",
    "may_see_certificate": "证书持有人，或发证机关",
    "issues_certificate": "发证的机关",
    "may_see_revocation": "发证的机关",
    "may_see_replacement": "申请人，或办理它的单位",
}


def area_of(name: str) -> str:
    """Return what the part of an action or event before its dot or colon is called."""
    start = name.replace(":", ".").split(".")[0]
    return AREAS.get(start, start)


def event_name(tag: str) -> str:
    """Return what an audit event is called; the tag itself when nobody named it."""
    return EVENTS.get(tag, tag)


VERBS = {
    "home": "首页",
    "health": "运行状态",
    "upload": "上传",
    "read": "查看",
    "sign_in": "登录",
    "sign_out": "退出",
    "activate": "激活",
    "change_password": "修改密码",
    "profile": "个人信息",
    "notifications": "消息",
    "sessions": "我的登录",
    "bind": "申请绑定",
    "review_bindings": "查看人员和绑定申请",
    "staff": "工作人员账号",
    "applicants": "申报人账号",
    "list": "列表",
    "open": "打开",
    "complete": "办理",
    "batch": "批量办理",
    "create": "新建",
    "view": "查看",
    "show": "查看",
    "edit": "修改",
    "archive": "业绩档案",
    "vet": "审核",
    "manage": "管理",
    "configure": "配置",
    "authorise": "登记授权",
    "start": "新建",
    "fill": "填报",
    "review": "审核列表",
    "export": "导出",
    "set_up": "会议准备",
    "case": "材料评审",
    "lead": "主任办理",
    "assign": "分配主副审",
    "key": "密钥",
    "cast": "投票",
    "object": "提出异议",
    "verify": "查询核验",
    "mine": "我的证书",
    "issued": "已发证书",
    "print": "打印",
    "revoke": "撤销",
    "replace": "申请补换",
    "confirm": "复核",
    "propose": "提出与终止",
}


def action_name(action: str) -> str:
    """Return what an action of the permission table is called."""
    verb = action.split(".", 1)[-1]
    return f"{area_of(action)}：{VERBS.get(verb, verb)}"


DATA = {
    "role": "角色",
    "scope": "范围",
    "login": "登录名",
    "reason": "理由",
    "count": "数量",
    "rows": "行数",
    "sealed": "已封印",
    "broken": "不符",
    "request": "申请编号",
    "name": "名称",
    "before": "修改前",
    "after": "修改后",
    "number": "编号",
}


def said(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event kept, in words where there are any."""
    return {DATA.get(key, key): _said_value(key, value) for key, value in data.items()}


def _said_value(key: str, value: Any) -> Any:
    if key == "role":
        return ROLES.get(str(value), value)
    if key == "scope":
        kind, _, number = str(value).partition(":")
        return "全平台" if kind == "all" else f"{SCOPES.get(kind, kind)} {number}"
    return value
