"""常用意见: what a person keeps to write it again with one click."""

from flask import Blueprint, flash, g, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.core import phrases
from app.core.http import see_other
from app.core.permissions import requires
from forms import FormSpec, FormSpecError, load


def add_pages(bp: Blueprint) -> None:
    """Add the pages to the room's, and what the macro of a field asks."""
    bp.get("/tasks/phrases")(own_phrases)
    bp.post("/tasks/phrases")(forget_phrase)
    bp.add_app_template_global(_texts, "own_phrases")


def offer_for(spec: FormSpec) -> None:
    """Say which form this page draws: its reader is offered what was kept for it."""
    g.phrases_for = spec.key


def _texts() -> list[str]:
    """Return what the reader keeps for the form of this page."""
    if not current_user.is_authenticated or "phrases_for" not in g:
        return []
    return [each.text for each in phrases.phrases_of(current_user.id, g.phrases_for)]


def keep_if_asked(spec: FormSpec) -> None:
    """Keep the opinion of this request where its box was ticked; Invalid when it cannot be."""
    if request.form.get("keep_phrase"):
        phrases.keep_phrase(current_user.id, spec.key, request.form.get("opinion", ""))


def _title(form: str) -> str:
    """Return what the form is called now, where it still exists."""
    try:
        return load(form).title
    except FormSpecError:
        return "其他事项"


@requires("task.phrases")
def own_phrases() -> str:
    """What the person keeps."""
    kept: dict[str, list[phrases.OwnPhrase]] = {}
    for each in phrases.phrases_of(current_user.id):
        kept.setdefault(_title(each.form), []).append(each)
    return render_template("inbox/phrases.html", kept=kept, most=phrases.MOST)


@requires("task.phrases")
def forget_phrase() -> Response:
    """Forget one of them."""
    phrases.forget_phrase(current_user.id, request.form.get("id", 0, type=int))
    flash("已删除", "success")
    return see_other(url_for("inbox.own_phrases"))
