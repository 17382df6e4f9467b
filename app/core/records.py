"""What a task page shows and offers of the record it is about: each room registers its own."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.errors import HandedOver

Context = Callable[[int, Any], dict[str, Any]]
_contexts: dict[str, Context] = {}
Choices = Callable[[int], Sequence[tuple[str, str]]]
_choices: dict[str, dict[str, Choices]] = {}


Sight = Callable[[int, Any, datetime], bool]
_sights: dict[str, Sight] = {}
Successor = Callable[[int, Any], HandedOver | None]
_successors: dict[str, Successor] = {}
Subject = Callable[[int], tuple[int, str]]
_subjects: dict[str, Subject] = {}
Watcher = Callable[[int, str, int, datetime], None]
_watchers: list[Watcher] = []


@dataclass(frozen=True)
class OwnTask:
    """How a person's task about themselves stands at home: the matter, until when, what to do."""

    title: str
    due_at: datetime | None
    action: str


OwnTasks = Callable[[int], OwnTask]
_own_tasks: dict[str, OwnTasks] = {}
OneByOne = Callable[[Collection[int]], Mapping[int, str]]
_one_by_one: dict[str, OneByOne] = {}


_tables: dict[str, str] = {}


def register_table(business_type: str, table: str) -> None:
    """Register the table of a business type that is not called like it."""
    _tables[business_type] = table


def table_of(business_type: str) -> str:
    """Return the name of the table that holds the records of a business type."""
    return _tables.get(business_type, business_type)


def register_record(business_type: str) -> Callable[[Context], Context]:
    """Register fn(business_id, person) -> context of the task page of a business type.

    Key `summary_template` names the template shown beside the form.
    """

    def keep(context: Context) -> Context:
        _contexts[business_type] = context
        return context

    return keep


def record_context(business_type: str, business_id: int, person: Any) -> dict[str, Any]:
    """Return the context for a record, empty when its room shows nothing."""
    context = _contexts.get(business_type)
    return context(business_id, person) if context else {}


def register_sight(business_type: str) -> Callable[[Sight], Sight]:
    """Register fn(business_id, person, now): whether somebody who worked on a record sees it."""

    def keep(sight: Sight) -> Sight:
        _sights[business_type] = sight
        return sight

    return keep


def is_in_sight(business_type: str, business_id: int, person: Any, now: datetime) -> bool:
    """Tell whether the page of a record opens for a person; where no room objects, it does."""
    sight = _sights.get(business_type)
    return sight is None or sight(business_id, person, now)


def register_successor(business_type: str) -> Callable[[Successor], Successor]:
    """Register fn(business_id, person): the refusal for whom another has replaced, or None."""

    def keep(successor: Successor) -> Successor:
        _successors[business_type] = successor
        return successor

    return keep


def handed_over(business_type: str, business_id: int, person: Any) -> HandedOver | None:
    """Return why a task of a record is this person's no more, None where it never was."""
    successor = _successors.get(business_type)
    return successor(business_id, person) if successor else None


def register_subject(business_type: str) -> Callable[[Subject], Subject]:
    """Register fn(business_id) -> whom a record is about, and what it is in words."""

    def keep(fn: Subject) -> Subject:
        _subjects[business_type] = fn
        return fn

    return keep


def register_own_task(business_type: str) -> Callable[[OwnTasks], OwnTasks]:
    """Register fn(business_id) -> how an applicant's task about their record stands at home."""

    def keep(fn: OwnTasks) -> OwnTasks:
        _own_tasks[business_type] = fn
        return fn

    return keep


def own_task(item: Any) -> OwnTask | None:
    """Return how a work item stands at the home of the applicant whose record it is about.

    None for any other: it stands there by its title, as in the lists.
    """
    fn = _own_tasks.get(item.business_type) if item.role == "applicant" else None
    return fn(item.business_id) if fn else None


def register_watcher(watcher: Watcher) -> Watcher:
    """Register fn(person_id, what, reader_id, now), told when a record about a person is read."""
    if watcher not in _watchers:
        _watchers.append(watcher)
    return watcher


def note_seen(business_type: str, business_id: int, reader_id: int, now: datetime) -> None:
    """Tell the watchers that somebody read a record; one's own is nobody's concern."""
    fn = _subjects.get(business_type)
    if fn is None:
        return
    person_id, what = fn(business_id)
    for watcher in _watchers if person_id != reader_id else ():
        watcher(person_id, what, reader_id, now)


def register_one_by_one(business_type: str) -> Callable[[OneByOne], OneByOne]:
    """Register fn(business_ids) -> why some of the records are not decided in a batch, by id."""

    def keep(fn: OneByOne) -> OneByOne:
        _one_by_one[business_type] = fn
        return fn

    return keep


def one_by_one(business_type: str, business_ids: Collection[int]) -> Mapping[int, str]:
    """Return why some of the records are not decided in a batch, by their ids."""
    fn = _one_by_one.get(business_type)
    return fn(business_ids) if fn else {}


def register_choices(business_type: str, source: str) -> Callable[[Choices], Choices]:
    """Register fn(business_id): the options of a task form's `choices_from: source`."""

    def keep(choices: Choices) -> Choices:
        _choices.setdefault(business_type, {})[source] = choices
        return choices

    return keep


class RecordChoices(Mapping[str, Sequence[tuple[str, str]]]):
    """The options that the forms of a record's tasks offer, read when a form asks for them."""

    def __init__(self, business_type: str, business_id: int) -> None:
        self._sources = _choices.get(business_type, {})
        self._business_id = business_id

    def __getitem__(self, source: str) -> Sequence[tuple[str, str]]:
        return self._sources[source](self._business_id)

    def __contains__(self, source: object) -> bool:
        return source in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)
