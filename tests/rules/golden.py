"""The golden case (安徽, figures 4-25 and 4-26): a primary-school teacher's declaration."""

from typing import Any

NO_LIMIT = None


def item(name: str, count: int = 0, most: int | None = NO_LIMIT, **more: Any) -> dict[str, Any]:
    return {"name": name, "required": False, "min": 0, "max": most, "count": count, **more}


def needed(name: str, count: int, most: int | None = NO_LIMIT) -> dict[str, Any]:
    return item(name, count, most, required=True, min=1)


def category(
    number: int, name: str, items: list[dict[str, Any]], least: int = 0
) -> dict[str, Any]:
    return {"id": number, "name": name, "count_by": "records", "min": least, "items": items}


def slot(name: str, **more: Any) -> dict[str, Any]:
    facts = {"name": name, "count": 1, "required": True, "printed": True, "min": 1, "max": 10}
    return {**facts, **more}


def first_run() -> dict[str, Any]:
    """The state as loaded: no assessment result, two required items without records."""
    return {
        "personal": {"missing": [], "photo": True},
        "entries": {"work": 1, "training": 1, "education": 1, "assessment": 1},
        "education": {"highest": "大学本科", "qualifying": "大学本科"},
        "assessments": [{"year": 2025, "result": ""}],
        "training": [{"year": 2025, "hours": 72}],
        "slots": [
            slot("职称填报承诺书", max=2),
            slot("身份证正反面", max=2),
            slot("班主任工作经历"),
            slot("其他相关附件", required=False, printed=False, min=0),
        ],
        "categories": _categories(),
    }


def _categories() -> list[dict[str, Any]]:
    merits = [
        item("教育教学类表彰", 1),
        item("政府特殊津贴", 0, 1),
        item("教学成果奖", 1),
        item("优秀班主任或所带班级获得表彰"),
        item("发展学生个性特长和创新能力方面做出成绩"),
        item("开展教育教学改革并取得突出成绩"),
        item("主持或参与制定教育教学改革类文件、标准等"),
        item("积极开展教育教学改革"),
    ]
    research = [
        item("本学科教育教学论文或教学方法介绍", 0, 5),
        item("出版教育教学专著", 1, 3),
        item("国家课程教材、省级或地方教材编写", 0, 3),
        item("主持并完成课题研究", 0, 5),
        item("国家教育考试命题工作", 0, 5),
    ]
    ability = [needed("行动研究报告", 0, 5), needed("指导青年教师方面", 0, 5)]
    return [
        category(1, "思想政治", [needed("任职期表彰奖励", 1)]),
        category(2, "乡村任教或支教", [needed("乡村任教或支教经历", 1)]),
        category(3, "能力条件", ability),
        category(4, "业绩条件", merits, least=2),
        category(5, "教研科研条件", research, least=1),
    ]


def second_run() -> dict[str, Any]:
    """The result is chosen and the two records are imported."""
    facts = first_run()
    facts["assessments"][0]["result"] = "合格"
    for each in facts["categories"][2]["items"]:
        each["count"] = 1
    return facts


FIRST_ROWS = [
    ("个人信息检测", "个人信息已填写完整, 个人免冠照片已正确上传", True),
    ("工作经历", "已填写 1 条工作经历信息", True),
    ("继续教育经历", "已填写 1 条继续教育经历信息", True),
    ("教育经历", "已填写 1 条教育经历信息, 已设定最高学历: 大学本科", True),
    ("年度考核情况", "已添加 1 条年度考核记录, 未填写年度考核结果", False),
    (
        "附件上传情况",
        (
            "职称填报承诺书 已上传附件 1 个, 身份证正反面 已上传附件 1 个, "
            "班主任工作经历 已上传附件 1 个"
        ),
        True,
    ),
    ("思想政治", "任职期表彰奖励 已录入 1 个业绩", True),
    ("乡村任教或支教", "乡村任教或支教经历 已录入 1 个业绩", True),
    (
        "能力条件",
        (
            "行动研究报告 为必填项, 当前尚未录入, 行动研究报告 已录入 0 个业绩, "
            "指导青年教师方面 为必填项, 当前尚未录入, 指导青年教师方面 已录入 0 个业绩"
        ),
        False,
    ),
    (
        "业绩条件",
        (
            "业绩条件 要求至少录入2项记录, 当前已录入了 2 项, 教育教学类表彰 已录入 1 个业绩, "
            "政府特殊津贴 已录入 0 个业绩, 教学成果奖 已录入 1 个业绩, "
            "优秀班主任或所带班级获得表彰 已录入 0 个业绩, "
            "发展学生个性特长和创新能力方面做出成绩 已录入 0 个业绩, "
            "开展教育教学改革并取得突出成绩 已录入 0 个业绩, "
            "主持或参与制定教育教学改革类文件、标准等 已录入 0 个业绩, "
            "积极开展教育教学改革 已录入 0 个业绩"
        ),
        True,
    ),
    (
        "教研科研条件",
        (
            "教研科研条件 要求至少录入1项记录, 当前已录入了 1 项, "
            "本学科教育教学论文或教学方法介绍 已录入 0 个业绩, 出版教育教学专著 已录入 1 个业绩, "
            "国家课程教材、省级或地方教材编写 已录入 0 个业绩, "
            "主持并完成课题研究 已录入 0 个业绩, "
            "国家教育考试命题工作 已录入 0 个业绩"
        ),
        True,
    ),
]

SECOND_ROWS = [
    *FIRST_ROWS[:4],
    ("年度考核情况", "已添加 1 条年度考核记录, 已填写年度考核结果", True),
    *FIRST_ROWS[5:8],
    ("能力条件", "行动研究报告 已录入 1 个业绩, 指导青年教师方面 已录入 1 个业绩", True),
    *FIRST_ROWS[9:],
]
