"""Fields that choose from a list."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from wtforms import widgets
from wtforms.fields import SelectFieldBase
from wtforms.fields.choices import Choice as Option  # type: ignore[attr-defined]
from wtforms.form import BaseForm

from forms.fields.base import TypedField, require, too_far
from forms.spec import FieldSpec


class ChoiceField(TypedField, SelectFieldBase):
    """One value of a list. A value that left the list stays visible, but is not accepted."""

    options: ClassVar[frozenset[str]] = frozenset({"choices", "choices_from", "search"})
    asks: ClassVar[str] = "请选择"
    empty: ClassVar[Any] = ""

    @classmethod
    def check_spec(cls, spec: FieldSpec) -> None:
        """Ask for exactly one source of options."""
        exactly_one = bool(spec.choices) is not bool(spec.choices_from)
        require(exactly_one, spec, "choices 与 choices_from 须且只能写一个")

    @classmethod
    def attributes(cls, spec: FieldSpec) -> dict[str, Any]:
        """Mark long lists, which the page makes searchable."""
        return {"data-search": "true" if spec.search else None}

    def chosen(self) -> list[str]:
        """Return the values that are ticked."""
        return [self._kept] if self._kept else []

    def iter_choices(self) -> Iterator[Any]:
        """Yield every option for the widget, and chosen values the list no longer has."""
        chosen = self.chosen()
        known = dict(self.material.choices)
        for value, label in (*known.items(), *((v, v) for v in chosen if v not in known)):
            yield Option(value, label, value in chosen, {})

    def check(self, form: BaseForm) -> None:
        """Accept values of the list only."""
        if not set(self.chosen()) <= dict(self.material.choices).keys():
            raise too_far("请选择列表中的选项")

    @classmethod
    def display(cls, spec: FieldSpec, value: Any, choices: Mapping[str, str]) -> str:
        """Return the label of the value."""
        return choices.get(str(value), str(value))


class SelectField(ChoiceField):
    """下拉选择."""

    widget = widgets.Select()

    def iter_choices(self) -> Iterator[Any]:
        """Put the empty choice first."""
        yield Option("", "请选择", not self.chosen(), {})
        yield from super().iter_choices()


class RadioField(ChoiceField):
    """单选."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.RadioInput()


class DecisionField(ChoiceField):
    """The pressed button (办理结果). A form with one button needs no choice."""

    widget = widgets.HiddenInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the pressed button."""
        choices = self.material.choices
        super().process_formdata(valuelist or ([choices[0][0]] if len(choices) == 1 else []))


class CheckboxField(ChoiceField):
    """多选. `min` and `max` limit how many may be ticked."""

    options: ClassVar[frozenset[str]] = ChoiceField.options | {"min", "max"}
    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()

    def empty_value(self) -> Any:
        """Return a list of its own."""
        return []

    def chosen(self) -> list[str]:
        """Return the ticked values."""
        return list(self.data or [])

    def texts(self) -> list[str]:
        """Return the ticked values."""
        return self.chosen() or [""]

    def process_data(self, value: Any) -> None:
        """Take a stored list."""
        self._kept = ""
        self.data = [str(v) for v in value] if isinstance(value, (list, tuple)) else []

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the ticked boxes, each once."""
        self.process_errors = []
        self.data = list(dict.fromkeys(str(value) for value in valuelist if value))

    def check(self, form: BaseForm) -> None:
        """Hold the ticks against the list and the limits."""
        super().check(form)
        least, most = int(self.spec.min or 0), int(self.spec.max or len(self.data))
        if len(self.data) < least:
            raise too_far(f"至少选择 {least} 项")
        if len(self.data) > most:
            raise too_far(f"最多选择 {most} 项")

    @classmethod
    def display(cls, spec: FieldSpec, value: Any, choices: Mapping[str, str]) -> str:
        """Return the labels in order."""
        return "、".join(choices.get(str(each), str(each)) for each in value)
