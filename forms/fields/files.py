"""Fields that hold staged files by id; the bytes were uploaded before and are checked there."""

from collections.abc import Mapping
from typing import Any, ClassVar

from markupsafe import Markup
from wtforms import Field
from wtforms.form import BaseForm

from forms.fields.base import TypedField, plain_digits, require, too_far
from forms.spec import FieldSpec


class HiddenIds:
    """Renders one hidden input per file."""

    def __call__(self, field: Field, **_kwargs: object) -> Markup:
        """Return the inputs."""
        row = Markup('<input type="hidden" name="{}" value="{}">')
        return Markup("").join(row.format(field.name, each) for each in field.data)


class FilesField(TypedField):
    """附件, ids of staged files."""

    options: ClassVar[frozenset[str]] = frozenset({"types", "max_mb", "count", "min"})
    asks: ClassVar[str] = "请上传"
    widget = HiddenIds()

    @classmethod
    def check_spec(cls, spec: FieldSpec) -> None:
        """Ask for types written as endings without a dot, and for a whole number at least."""
        require(all(t.isalnum() for t in spec.types), spec, "types 须为不带点的扩展名")
        require((spec.min or "0").isdecimal(), spec, "min 须为整数")

    def empty_value(self) -> Any:
        """Return a list of its own."""
        return []

    def process_data(self, value: Any) -> None:
        """Take stored ids."""
        self.data = self._ids(value if isinstance(value, (list, tuple)) else [value])

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take posted ids."""
        self.process_errors = []
        self.data = self._ids(valuelist)

    def texts(self) -> list[str]:
        """Return the ids."""
        return [str(each) for each in self.data] or [""]

    def _ids(self, values: list[Any] | tuple[Any, ...]) -> list[int]:
        texts = [plain_digits(str(v)).strip() for v in values if v not in {None, ""}]
        self.data = [int(t) for t in texts if t.isdecimal() and len(t) < 19]
        if len(self.data) < len(texts):
            raise ValueError("附件无效，请重新上传")
        return list(dict.fromkeys(self.data))

    def check(self, form: BaseForm) -> None:
        """Hold the number of files against the policy."""
        policy, here = self.spec.policy, len(self.data)
        if here > policy.count:
            raise too_far(f"最多上传 {policy.count} 个，现有 {here} 个")
        if here < policy.least:
            raise too_far(f"至少上传 {policy.least} 个，现有 {here} 个")

    @classmethod
    def display(cls, spec: FieldSpec, value: Any, choices: Mapping[str, str]) -> str:
        """Return how many files there are."""
        return f"{len(value)} 个附件"


class FileField(FilesField):
    """One file; a single id in JSON."""

    options: ClassVar[frozenset[str]] = frozenset({"types", "max_mb"})

    def empty_value(self) -> Any:
        """Return no file."""
        return None

    def written(self, value: Any) -> Any:
        """Return the id."""
        return value[0]

    @classmethod
    def display(cls, spec: FieldSpec, value: Any, choices: Mapping[str, str]) -> str:
        """Say that there is one."""
        return "1 个附件"
