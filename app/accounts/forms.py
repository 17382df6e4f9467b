"""The forms of signing in and of passwords, which no process draws."""

from wtforms import Form, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, Length, ValidationError

from app.accounts.signing_in import check_password_rule
from app.core.errors import Invalid


def keeps_the_rule(_form: Form, field: PasswordField) -> None:
    """Say at once, with all other faults, what a new password lacks."""
    try:
        check_password_rule(field.data or "")
    except Invalid as refused:
        raise ValidationError(refused.message) from refused


class SignInForm(Form):
    """Account and password (登录)."""

    login = StringField(
        "登录名或证件号码", [DataRequired("请填写登录名或证件号码"), Length(max=64)]
    )
    password = PasswordField("密码", [DataRequired("请填写密码"), Length(max=128)])


class CodeForm(Form):
    """The code after the password (动态验证码)."""

    code = StringField(
        "动态验证码或恢复码", [DataRequired("请填写动态验证码或恢复码"), Length(max=32)]
    )


CARD_CODE = "验证卡上的验证码"


class CardCodeForm(Form):
    """The code after the password of who has a card for a meeting alone (评审验证卡)."""

    code = StringField(
        CARD_CODE, [DataRequired("请填写验证卡上一个未用过的验证码"), Length(max=32)]
    )


class FactorForm(Form):
    """Password and code together: what changes how one signs in asks for both."""

    current = PasswordField("当前密码", [DataRequired("请填写当前密码"), Length(max=128)])
    code = StringField("动态验证码", [DataRequired("请填写动态验证码"), Length(max=32)])


class ForgottenForm(Form):
    """What somebody types who forgot a password (忘记密码)."""

    login = StringField(
        "登录名或证件号码", [DataRequired("请填写登录名或证件号码"), Length(max=64)]
    )


class MailForm(Form):
    """A mail address, and the password that says who sets it (邮箱)."""

    address = StringField("邮箱地址", [DataRequired("请填写邮箱地址"), Length(max=120)])
    current = PasswordField("当前密码", [DataRequired("请填写当前密码"), Length(max=128)])


class ForgetMailForm(Form):
    """The password that says who takes an address back (移除邮箱)."""

    current = PasswordField(
        "当前密码", [DataRequired("请填写当前密码"), Length(max=128)], id="forget-current"
    )


class ActivationForm(Form):
    """A one-time activation secret and the password chosen with it (激活账号)."""

    secret = StringField("激活码", [DataRequired("请填写激活码"), Length(max=64)])
    password = PasswordField("新密码", [DataRequired("请填写新密码"), keeps_the_rule])
    again = PasswordField(
        "再次输入新密码",
        [DataRequired("请再次输入新密码"), EqualTo("password", "两次输入的密码不一致")],
    )


class ResetForm(ActivationForm):
    """The secret of a letter's link, a new password, and a code where one is asked (重置密码)."""

    secret = HiddenField("链接", [DataRequired("链接不完整"), Length(max=64)])
    code = StringField("动态验证码或恢复码", [Length(max=32)])


class PasswordForm(Form):
    """The old password and the new one (修改密码)."""

    current = PasswordField("当前密码", [DataRequired("请填写当前密码")])
    password = PasswordField("新密码", [DataRequired("请填写新密码"), keeps_the_rule])
    again = PasswordField(
        "再次输入新密码",
        [DataRequired("请再次输入新密码"), EqualTo("password", "两次输入的密码不一致")],
    )

    def validate_password(self, field: PasswordField) -> None:
        """A new password is another one; what was set before the old one is not kept."""
        if field.data == self.current.data:
            raise ValidationError("新密码不能与当前密码相同")
