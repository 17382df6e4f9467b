"""What an evaluation hands back."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `anchor` is the section to mend."""

    subject: str
    text: str
    passed: bool
    anchor: str


@dataclass(frozen=True, slots=True)
class Row:
    """A numbered finding with the rule it comes from."""

    no: int
    subject: str
    text: str
    passed: bool
    rule: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Report:
    """检测结果: the rows that decide, and the reminders (提醒) that never do."""

    rows: list[Row]
    hints: list[Row]

    @property
    def passed(self) -> bool:
        """Whether every row passed."""
        return all(row.passed for row in self.rows)

    @property
    def failures(self) -> list[Row]:
        """The rows that did not pass."""
        return [row for row in self.rows if not row.passed]
