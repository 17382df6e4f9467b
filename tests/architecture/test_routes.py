"""Routes: each declares its action; the URL map itself is the list of what is tried."""

import re

from flask import Flask
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule

from app.core import menu
from app.core.permissions import ACTIONS, PUBLIC, ROLES
from tests.architecture.source import name_of, sources
from tests.conftest import Browser

SAFE = {"GET", "HEAD", "OPTIONS"}


def rules_of(app: Flask) -> list[Rule]:
    found = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
    assert len(found) > 60
    return found


def word_for(converter: BaseConverter) -> str:
    return min(converter.items) if isinstance(converter, AnyConverter) else "x"


def address(app: Flask, rule: Rule) -> str:
    """The rule's address with 1 for every number and x for every word."""
    values = {
        name: 1 if isinstance(converter, IntegerConverter) else word_for(converter)
        for name, converter in rule._converters.items()
    }
    with app.test_request_context():
        return str(app.url_map.bind("localhost").build(rule.endpoint, values))


def action_of(app: Flask, rule: Rule) -> str:
    return str(vars(app.view_functions[rule.endpoint])["action"])


def test_every_endpoint_declares_an_action_of_the_table(app: Flask) -> None:
    assert {action_of(app, rule) for rule in rules_of(app)} <= set(ACTIONS)


def test_every_action_is_used_by_an_endpoint_or_judged_in_code(app: Flask) -> None:
    declared = {action_of(app, rule) for rule in rules_of(app)}
    code = "\n".join(
        path.read_text("utf-8") for path in sources() if name_of(path) != "app/core/permissions.py"
    )
    idle = {a for a in ACTIONS if a not in declared and f'"{a}"' not in code}
    assert idle == set()


def test_the_table_names_known_roles_only() -> None:
    named = {role for action in ACTIONS.values() for role in action.roles}
    assert named <= {*ROLES, PUBLIC, "member"}


def test_every_line_of_the_menu_leads_to_a_page_of_its_action(app: Flask) -> None:
    lines = [entry for _, lines in menu.entries_for(set(ROLES)) for entry in lines]
    assert lines
    for entry in lines:
        assert vars(app.view_functions[entry.endpoint])["action"] == entry.action, entry


def test_every_write_without_a_token_is_refused(app: Flask) -> None:
    client = app.test_client()
    answers = {
        f"{method} {rule.rule}": client.open(address(app, rule), method=method).status_code
        for rule in rules_of(app)
        for method in sorted(rule.methods - SAFE)
    }
    assert len(answers) > 30
    # 401 tells a person whose session ended, and its token with it, how to send it again.
    assert {route: code for route, code in answers.items() if code not in {400, 401}} == {}


def test_every_page_that_is_not_public_sends_a_visitor_to_sign_in(
    app: Flask, client_for: object
) -> None:
    visitor: Browser = client_for(None)  # type: ignore[operator]
    wrong = {}
    for rule in rules_of(app):
        if PUBLIC in ACTIONS[action_of(app, rule)].roles:
            continue
        url = address(app, rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = visitor.get(url) if method == "GET" else visitor.send(method, url)
            led = answer.status_code == 302 and answer.location.startswith("/login?next=")
            if not led if method == "GET" else answer.status_code != 401:
                wrong[f"{method} {rule.rule}"] = answer.status_code
    assert wrong == {}


def test_reading_never_writes_except_where_a_page_says_so(app: Flask) -> None:
    writing = {
        rule.endpoint
        for rule in rules_of(app)
        if getattr(app.view_functions[rule.endpoint], "writes", False)
    }
    assert writing == {
        "inbox.task",
        # Who reads all of a request has seen it, as by its task.
        "units.joining",
        # A message that was opened counts as read.
        "accounts.open_notification",
        # Who took which list is kept.
        "portfolio.unit_csv",
        "portfolio.unit_workbook",
        "review.export",
        "results.export",
        "results.export_objections",
        "certificates.export",
        "declarations.export",
        "imports.faulty",
        "imports.report",
    }


def test_a_page_that_is_got_writes_late_only_for_who_comes_back_from_a_provider(
    app: Flask,
) -> None:
    late = {
        rule.endpoint
        for rule in rules_of(app)
        # A condition instead of True is one of forms that bring files, which are posted.
        if getattr(app.view_functions[rule.endpoint], "writes_late", False) is True
        and "GET" in (rule.methods or set())
    }
    # OpenID Connect brings the answer by a redirect; it counts once.
    assert late == {"openid.answer"}


def test_nothing_is_exempt_from_the_token() -> None:
    exempt = re.compile(r"csrf\.exempt|@csrf_exempt|WTF_CSRF_ENABLED")
    assert [name_of(path) for path in sources() if exempt.search(path.read_text("utf-8"))] == []
