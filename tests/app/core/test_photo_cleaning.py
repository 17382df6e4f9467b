"""Photos that no certificate could show are refused, and say why."""

import io

import pytest
from PIL import Image

from app.core.errors import Invalid
from app.core.uploads import PHOTO
from tests.app.core.test_uploads import POLICY, a_picture, clean


@pytest.mark.parametrize(
    ("size", "reason"), [((200, 280), "分辨率过低"), ((800, 800), "比例不符")]
)
def test_a_photo_that_does_not_fit_says_why(size: tuple[int, int], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        clean(a_picture(size=size), PHOTO)


@pytest.mark.parametrize(
    "strip", [(0, 0, 15, 840), (585, 0, 600, 840), (0, 0, 600, 20)], ids=["left", "right", "top"]
)
def test_a_photo_with_a_black_border_is_refused(strip: tuple[int, int, int, int]) -> None:
    picture = Image.open(io.BytesIO(a_picture()))
    picture.paste((0, 0, 0), strip)
    target = io.BytesIO()
    picture.save(target, "JPEG")
    with pytest.raises(Invalid, match="黑边"):
        clean(target.getvalue(), PHOTO)


def test_a_dark_coat_along_the_foot_of_a_photo_is_no_border() -> None:
    picture = Image.open(io.BytesIO(a_picture()))
    picture.paste((5, 5, 5), (0, 700, 600, 840))
    target = io.BytesIO()
    picture.save(target, "JPEG")
    assert clean(target.getvalue(), PHOTO)[1] == "image/jpeg"


def test_a_photo_that_few_programs_read_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid, match="HEIC 照片请先在看图软件中另存为 JPG"):
        clean(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(400), POLICY)
