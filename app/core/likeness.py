"""How alike two pictures look, measured with Pillow alone.

A perceptual hash of the usual kind (imagehash, which wants numpy and scipy; dhash) cannot tell
certificates of one template apart: two people's differ in two of 256 bits, a fresh scan of one in
as many. So a picture is remembered by its ink: 128 x 128 cells, each as dark as it is against
what surrounds it, whatever light and colour. Two pictures are as unlike as the cells where they
differ most: another name differs strongly in one place, another scan a little everywhere. The
numbers are measured in tests/bench/likeness.py.
"""

from collections.abc import Iterable
from functools import reduce

from PIL import Image, ImageChops, ImageFilter, ImageOps

SIDE, BLOCK = 128, 4
SIZE = SIDE * SIDE
ROWS, ACROSS = 16, 32
ALIKE = 18
"""Up to here two pictures are nearly the same: fresh scans reach 17, other names begin at 16,
and nearly all of them at 19."""
# Grey levels by which the darkest cells stand out at least: a blank sheet's grain has three.
FAINT = 12
# Of 255: what counts as ink, in how many cells at least, and in how many of a row.
INKED, LEAST_CELLS, LEAST_IN_ROW = 40, 350, 4
_AROUND = ImageFilter.BoxBlur(5)
_SOFT = ImageFilter.GaussianBlur(0.7)
_SHIFTS = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1))


def ink_of(picture: Image.Image) -> bytes | None:
    """Return where the ink of a picture lies, one byte a cell; None where there is little of it.

    Blank sheets and plain colours look alike and mean nothing.
    """
    cells = picture.resize((SIDE, SIDE), Image.Resampling.BOX).convert("L")
    darker = ImageChops.subtract(cells.filter(_AROUND), cells)
    if sum(darker.histogram()[FAINT:]) < LEAST_CELLS:
        return None
    ink = ImageOps.autocontrast(darker.filter(_SOFT), cutoff=(0, 1))
    return ink.tobytes() if bands_of(ink.tobytes()) else None


def bands_of(ink: bytes) -> list[int]:
    """Return the rows by which pictures like this one are found: numbers of 36 bits.

    A fresh scan keeps most of them. Rows with hardly any ink are every sheet's.
    """
    coarse = _image(ink).resize((ACROSS, ROWS), Image.Resampling.BOX)
    bits = coarse.point([0] * INKED + [255] * (256 - INKED)).convert("1").tobytes()
    width = ACROSS // 8
    rows = [int.from_bytes(bits[i : i + width]) for i in range(0, len(bits), width)]
    return [y << ACROSS | row for y, row in enumerate(rows) if row.bit_count() >= LEAST_IN_ROW]


class Likeness:
    """A picture to compare with others, each place where it fits best: a cell to any side."""

    def __init__(self, ink: bytes) -> None:
        picture = _image(ink)
        self._moved = [ImageChops.offset(picture, *shift) for shift in _SHIFTS]
        self._roughly = [_places(moved) for moved in self._moved]

    def unlikeness(self, other: bytes) -> int:
        """Return how far they differ in the place where they differ most, from 0 to 255."""
        picture = _image(other)
        return _worst(_places(ImageChops.difference(picture, each)) for each in self._moved)

    def is_like(self, other: bytes) -> bool:
        """Tell whether another picture is nearly the same.

        Two places differ by as much as their mean shades at least: that is a tenth of the work,
        and enough to tell most pictures apart. A mean is rounded, by one half on either side.
        """
        roughly = _places(_image(other))
        least = _worst(ImageChops.difference(roughly, each) for each in self._roughly)
        return least <= ALIKE + 1 and self.unlikeness(other) <= ALIKE


def is_ink(data: bytes) -> bool:
    """Tell whether this can be the ink of a picture."""
    return len(data) == SIZE and bool(bands_of(data))


def _places(cells: Image.Image) -> Image.Image:
    return cells.resize((SIDE // BLOCK, SIDE // BLOCK), Image.Resampling.BOX)


def _worst(fits: Iterable[Image.Image]) -> int:
    """Return what the worst place has where it fits best."""
    return max(reduce(ImageChops.darker, fits).tobytes())


def _image(ink: bytes) -> Image.Image:
    return Image.frombytes("L", (SIDE, SIDE), ink)
