"""QR codes of printed documents."""

from io import BytesIO

QUIET_MODULES = 4
"""The white margin that readers need on every side."""
PIXELS = 8
# Choosing the best of eight masks is nine tenths of the work; readers take any.
MASK = 3


def qr_png(text: str) -> bytes:
    """Return a QR code as PNG: error correction M, quiet zone included."""
    import qrcode  # noqa: PLC0415 - loaded when first needed
    from qrcode.constants import ERROR_CORRECT_M  # noqa: PLC0415

    code = qrcode.QRCode(
        error_correction=ERROR_CORRECT_M,
        box_size=PIXELS,
        border=QUIET_MODULES,
        mask_pattern=MASK,
    )
    code.add_data(text, optimize=0)
    target = BytesIO()
    code.make_image().save(target, "PNG")
    return target.getvalue()
