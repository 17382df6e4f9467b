"""The forms of linking an identity and of one's ways in."""

from wtforms import Form, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, Length

from app.accounts.forms import keeps_the_rule


class LinkForm(Form):
    """The account that an identity is linked to: whoever links it signs in there (关联账号)."""

    login = StringField(
        "登录名或证件号码", [DataRequired("请填写登录名或证件号码"), Length(max=64)]
    )
    password = PasswordField("密码", [DataRequired("请填写密码"), Length(max=128)])
    code = StringField(
        "验证码", [Length(max=32)], description="启用了动态验证码的，或持评审验证卡的才填写"
    )


class ConfirmForm(Form):
    """The password that says who changes the ways in."""

    current = PasswordField("当前密码", [DataRequired("请填写当前密码"), Length(max=128)])


class FirstPasswordForm(Form):
    """The first password of an account that was opened by a provider (设置密码)."""

    password = PasswordField("新密码", [DataRequired("请填写新密码"), keeps_the_rule])
    again = PasswordField(
        "再次输入新密码",
        [DataRequired("请再次输入新密码"), EqualTo("password", "两次输入的密码不一致")],
    )
