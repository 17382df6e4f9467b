"""The lock of the box: two of three holders open it, one does not, and no text betrays itself."""

from itertools import combinations
from random import Random

import pytest

from app.review import sealing

SECRET = bytes(range(32))
CONTEXT = b"ballot 1/1"


@pytest.mark.parametrize("pair", list(combinations(range(3), 2)))
def test_any_two_holders_have_the_key(pair: tuple[int, int]) -> None:
    shares = sealing.split(SECRET, Random(1))
    first, second = ((place, shares[place]) for place in pair)
    assert sealing.join(first, second) == SECRET
    assert sealing.join(second, first) == SECRET


def test_one_share_is_random_pads_or_masked_by_them() -> None:
    for share in sealing.split(SECRET, Random(1)):
        assert SECRET not in share
        assert len(share) == 64


def test_a_sealed_text_opens_with_its_key_only() -> None:
    random = Random(2)
    key, other = sealing.new_key(random), sealing.new_key(random)
    sealed = sealing.seal(b"yna", sealing.public_hex(key), CONTEXT, random)
    assert sealing.unseal(sealed, key, CONTEXT) == b"yna"
    for wrong_key, context in ((other, CONTEXT), (key, b"ballot 2/1")):
        with pytest.raises(sealing.WrongCode):
            sealing.unseal(sealed, wrong_key, context)
    with pytest.raises(sealing.WrongCode):
        sealing.unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), key, CONTEXT)


def test_equal_ballots_do_not_look_equal_and_all_are_as_long() -> None:
    random = Random(3)
    public = sealing.public_hex(sealing.new_key(random))
    sealed = [sealing.seal(text, public, CONTEXT, random) for text in (b"yyy", b"yyy", b"nar")]
    assert len(set(sealed)) == 3
    assert {len(each) for each in sealed} == {32 + 3 + 16}


def test_a_code_may_be_typed_in_any_case_and_without_dashes() -> None:
    code = sealing.new_code(Random(4))
    assert len(code.replace("-", "")) == 20
    typed = code.lower().replace("-", " ")
    keys = [sealing.public_hex(sealing.key_of_code(text, b"holder")) for text in (code, typed)]
    assert keys[0] == keys[1]
    assert keys[0] != sealing.public_hex(sealing.key_of_code(code, b"another holder"))
