"""What the golden case holds: the plan's standard, the person's records, the answers."""

from datetime import datetime
from typing import Any

from app.core.clock import ZONE

SENT_UP = datetime(2026, 11, 13, 9, 0, tzinfo=ZONE)
"""When the applicant submits, so that the unit has had its days of publicity by the 23rd."""
VETTED = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE)
"""When the unit recommends."""
CLOSES = datetime(2026, 12, 1, 17, 30, tzinfo=ZONE)
SPECIALTIES = ["小学语文", "小学数学", "小学英语", "初中数学"]
SLOTS = (
    ("pledge", "职称填报承诺书", True, 1, 2, True),
    ("identity", "身份证正反面", True, 1, 2, True),
    ("head_teacher", "班主任工作经历", True, 1, 10, True),
    ("other", "其他相关附件", False, 0, 10, False),
)
STANDARD: tuple[
    tuple[str, int, tuple[tuple[str, bool, int | None, tuple[str, ...]], ...]], ...
] = (
    ("思想政治", 0, (("任职期表彰奖励", True, None, ("honor",)),)),
    ("乡村任教或支教", 0, (("乡村任教或支教经历", True, None, ("special_service",)),)),
    (
        "能力条件",
        0,
        (
            ("行动研究报告", True, 5, ("teaching_report",)),
            ("指导青年教师方面", True, 5, ("teaching_guidance",)),
        ),
    ),
    (
        "业绩条件",
        2,
        (
            ("教育教学类表彰", False, None, ("honor",)),
            ("政府特殊津贴", False, 1, ("expert_title",)),
            ("教学成果奖", False, None, ("award",)),
            ("优秀班主任或所带班级获得表彰", False, None, ("honor",)),
            ("发展学生个性特长和创新能力方面做出成绩", False, None, ("teaching_other",)),
            ("开展教育教学改革并取得突出成绩", False, None, ("teaching_other",)),
            ("主持或参与制定教育教学改革类文件、标准等", False, None, ("standard_work",)),
            ("积极开展教育教学改革", False, None, ("teaching_other",)),
        ),
    ),
    (
        "教研科研条件",
        1,
        (
            ("本学科教育教学论文或教学方法介绍", False, 5, ("paper",)),
            ("出版教育教学专著", False, 3, ("book",)),
            ("国家课程教材、省级或地方教材编写", False, 3, ("book",)),
            ("主持并完成课题研究", False, 5, ("project",)),
            ("国家教育考试命题工作", False, 5, ("other_merit",)),
        ),
    ),
)
PERSONAL: dict[str, str] = {
    "ethnicity": "汉族",
    "birth_place": "安徽淮城",
    "work_started_on": "2007-08-01",
    "salary_grade": "专技八级",
    "work_years": "19",
    "specialty_years": "19",
    "politics": "中共党员",
    "party_post": "无",
    "health": "健康",
    "academic_posts": "无",
}
TEACHING: dict[str, str] = {
    "teacher_kind": "小学教师",
    "staffing": "在编",
    "teaching_since": "2007-08-01",
    "teaching_years": "19",
    "rural_years": "2",
    "qualification": "小学教师资格",
    "stage": "小学",
}
PRIOR_TITLE: dict[str, Any] = {
    "obtained_by": "评审",
    "unit": "云桥区青禾小学",
    "certificate_no": "演示20143400567",
    "series": "中小学教师",
    "specialty": "小学数学",
    "title": "一级教师",
    "level": "中级",
    "reviewer": "云桥区中级评委会",
    "reviewed_on": "2014-12-10",
    "issuer": "云桥区人社局",
    "issued_on": "2014-12-28",
    "appointments": [
        {
            "name": "一级教师",
            "unit": "云桥区青禾小学",
            "start": "2015-01-01",
            "end": None,
            "current": True,
        }
    ],
}
ITEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "work": ("work", {"unit": "云桥区青禾小学", "post": "数学教师", "start": "2007-08"}),
    "education": (
        "education",
        {
            "school": "淮城师范学院",
            "major": "数学与应用数学",
            "level": "大学本科",
            "start": "2003-09",
            "end": "2007-06",
        },
    ),
    "training": ("training", {"year": 2025, "hours_professional": 60, "hours_public": 12}),
    "assessment": ("assessment", {"year": 2025}),
    "任职期表彰奖励": ("honor", {"name": "区优秀教师", "date": "2021-09"}),
    "乡村任教或支教经历": (
        "special_service",
        {"place": "柳溪乡中心学校", "start": "2018-09", "end": "2019-07"},
    ),
    "教育教学类表彰": ("honor", {"name": "市优质课评选表彰", "date": "2022-05"}),
    "教学成果奖": (
        "award",
        {
            "name": "小学数学“量感”培养实践研究",
            "date": "2023-06",
            "position": 1,
            "participants": 10,
        },
    ),
    "出版教育教学专著": ("book", {"title": "小学数学说理课堂", "published": "2024-03"}),
}
LATER: dict[str, tuple[str, dict[str, Any]]] = {
    "行动研究报告": ("teaching_report", {"title": "二年级“估算”行动研究报告", "date": "2024-11"}),
    "指导青年教师方面": (
        "teaching_guidance",
        {"mentee": "黎小满", "result": "获区教坛新星", "start": "2023-09", "date": "2025-10"},
    ),
}
PUBLICITY = {"publicity_from": "2026-11-16", "publicity_to": "2026-11-20"}
VET_PASS: dict[str, Any] = {
    "decision": "pass",
    **PUBLICITY,
    "recommendation": "经公示无异议，同意推荐",
    "uses_post": "yes",
    "quota_note": "占用副高级岗位 1 个",
    "opinion": "材料属实",
}
PASS = {"decision": "pass", "opinion": "同意"}
DEFECTS = [
    {"section": "basics", "text": "身体状况与体检不符", "remedy": "按体检结果修改"},
    {"section": "files", "text": "身份证背面不清晰", "remedy": "重新扫描上传"},
]
RETURN: dict[str, Any] = {"decision": "return", "opinion": "请修改", "defects": DEFECTS}
TERMINATE = {"decision": "terminate", "opinion": "任职年限不足"}

STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fill_declaration", {}),
    ("vet_declaration", VET_PASS),
    ("endorse_declaration", PASS),
    ("vet_forwarded", PASS),
    ("endorse_forwarded", PASS),
    ("vet_forwarded", PASS),
    ("endorse_forwarded", PASS),
    ("accept_declaration", PASS),
)
"""The way up of the golden chain: school, district, city as a superior, city as organiser."""
