"""Why somebody does not get in by a provider, in words, with what to do next."""

from app.core.errors import DomainError


class SignOnRefused(DomainError):
    """A sign-in by a provider that goes no further; `hint` says what to do."""

    status = 403
    default = "不能用统一身份认证登录"

    onward: tuple[str, str] | None = None
    """Where to go on to and what that is called, where it is another page than the last."""

    def __init__(
        self, message: str = "", hint: str = "", onward: tuple[str, str] | None = None
    ) -> None:
        """Keep the message and the next step."""
        super().__init__(message)
        self.onward = onward
        self.hint = hint or self.hint


class NameDiffers(SignOnRefused):
    """A provider calls somebody otherwise than the platform does: one of them is mistaken."""

    default = "统一身份认证的姓名与平台登记的不一致，没有关联"
    hint = (
        "请核对登录的是不是本人的账号；平台登记有误或已改名的，用密码登录后在“个人信息”中申请更正，再来关联；"
        "证件号码可能被他人误用的，请联系所在单位或系统管理员。"
    )

    def __init__(self, person_id: int, provider: str) -> None:
        """Keep whose account it would have been, and at which provider."""
        super().__init__()
        self.person_id, self.provider = person_id, provider


class WrongAnswer(SignOnRefused):
    """The answer is not the one that this browser waits for, or it does not hold."""

    status = 400
    default = "登录结果无效或已过期"
    hint = "请重新登录；多次出现的，请检查浏览器是否禁用了 Cookie。"


class Unverified(WrongAnswer):
    """What the provider tells does not hold: nothing that the person's browser could mend."""

    default = "登录结果没有通过核验"
    hint = "请稍后重新登录，或用本平台的登录名和密码登录；多次出现的，请告知系统管理员。"


class AnswerUsed(SignOnRefused):
    """The answer was taken before (重放)."""

    status = 409
    default = "该登录结果已经使用过"
    hint = "请重新登录。"


class NotAnew(SignOnRefused):
    """Who was to prove who they are was known to the provider still, or it does not say."""

    default = "统一身份认证没有让您重新登录，或没有说明登录时间，不能用来验证身份"
    hint = (
        "请先在统一身份认证退出登录再试；仍然不行的，用密码验证身份，没有密码的请联系系统管理员。"
    )


class TooManyAnswers(SignOnRefused):
    """An address has brought many answers that do not hold: each costs the server a talk."""

    status = 429
    default = "登录失败次数过多"
    hint = "请过几分钟再试，或用本平台的登录名和密码登录。"


class Declined(SignOnRefused):
    """The person gave up at the provider, or the provider refused them."""

    default = "您在统一身份认证页面取消了登录，或没有同意授权"
    hint = "可以重新登录，或用本平台的登录名和密码登录。"


class ProviderDown(SignOnRefused):
    """The provider cannot be reached, or does not answer as the protocol says."""

    status = 502
    default = "统一身份认证暂时无法使用"
    hint = "请稍后重试，或用本平台的登录名和密码登录；多次出现的，请告知系统管理员。"
