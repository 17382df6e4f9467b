"""The form of publishing, which no process draws."""

from wtforms import Form, TextAreaField
from wtforms.validators import DataRequired, Length

NOTE_LENGTH = 500


class PublishForm(Form):
    """What the new version changes, in the words of who publishes it (版本说明)."""

    note = TextAreaField(
        "版本说明",
        [
            DataRequired("请填写版本说明：改了什么、为什么改"),
            Length(max=NOTE_LENGTH, message=f"版本说明不能超过 {NOTE_LENGTH} 字"),
        ],
        filters=[lambda text: (text or "").strip()],
        render_kw={"maxlength": NOTE_LENGTH},
    )
