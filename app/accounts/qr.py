"""QR codes on pages: the path of an inline SVG, which the content security policy allows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Square:
    """A QR code: its side in modules, quiet zone included, and the path of the dark ones."""

    side: int
    path: str


def qr_square(text: str) -> Square:
    """Return the QR code of a text."""
    import qrcode  # noqa: PLC0415 - loaded when first needed

    code = qrcode.QRCode()
    code.add_data(text)
    code.make()
    rows = code.get_matrix()
    dark = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, on in enumerate(row) if on)
    return Square(len(rows), "".join(dark))
