"""岗位职数: whether the unit has a free post for the declared title (评聘结合, FJ-U-22)."""

from rules.facts import PostFacts, SubmissionFacts
from rules.report import Finding

SUBJECT = "岗位职数"


def not_blocked(facts: SubmissionFacts) -> list[Finding]:
    """Refuse where the plan lets nobody declare for posts that are all taken."""
    post = facts.get("post")
    if post is None or not post["blocks"]:
        return []
    full = _is_full(post)
    text = f"{_said(post)}, 本计划不得申报" if full else f"单位{post['level']}岗位有空缺"
    return [Finding(SUBJECT, text, not full, "basics")]


def free(facts: SubmissionFacts) -> list[Finding]:
    """Remind that the posts are all taken where the unit may still state a basis."""
    post = facts.get("post")
    if post is None or post["blocks"]:
        return []
    return [Finding(SUBJECT, f"{_said(post)}, 须由单位说明依据", not _is_full(post), "basics")]


def _is_full(post: PostFacts) -> bool:
    return post["occupied"] + post["held"] >= post["approved"]


def _said(post: PostFacts) -> str:
    used = f"核定 {post['approved']}, 已聘 {post['occupied']}, 在审占用 {post['held']}"
    return f"单位{post['level']}岗位已满({used})"
