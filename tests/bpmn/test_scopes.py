"""What the scopes tell the publish gate is what they do."""

from inspect import getsource

from app.engine import handlers


def test_a_scope_tells_whether_it_places_with_one_person() -> None:
    contracts = handlers.scope.contracts()
    told = {name for name, contract in contracts.items() if contract.one_person}
    assert told == {
        name for name in contracts if 'Scope("person"' in getsource(handlers.scope.get(name))
    }
    assert told
