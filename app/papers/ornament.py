"""Drawings of the certificate, as vectors: its frame, its ground and the demonstration seal."""

import math

GOLD, PALE, RED = "#a8862e", "#f3ebd6", "#c8161d"
INK = 0.6
"""How much the seal covers of the text beneath it."""
WIDTH, HEIGHT = 2970, 2100
"""A4 across, in tenths of a millimetre."""
_OUTER, _INNER, _NOTCH = 95, 132, 110


def _svg(width: float, height: float, body: str) -> bytes:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    return f'{head} width="{width / 10}mm" height="{height / 10}mm">{body}</svg>'.encode()


def _rectangle(x: float, y: float, width: float, height: float, stroke: float) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}"'
        f' fill="none" stroke="{GOLD}" stroke-width="{stroke}"/>'
    )


def _path(points: list[tuple[float, float]], colour: str, stroke: float) -> str:
    steps = " L ".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M {steps} Z" fill="none" stroke="{colour}" stroke-width="{stroke}"/>'


def _notched(inset: float, notch: float, stroke: float) -> str:
    """Return a frame whose corners turn inwards."""
    left, top, right, bottom = inset, inset, WIDTH - inset, HEIGHT - inset
    points = [
        *[(left + notch, top), (right - notch, top), (right - notch, top + notch)],
        *[(right, top + notch), (right, bottom - notch), (right - notch, bottom - notch)],
        *[(right - notch, bottom), (left + notch, bottom), (left + notch, bottom - notch)],
        *[(left, bottom - notch), (left, top + notch), (left + notch, top + notch)],
    ]
    return _path(points, GOLD, stroke)


def _corners() -> str:
    """Return eight-pointed stars (八角纹) in the corners that the notched frame leaves.

    Nested squares would be handsome too, but a reader takes them for corners of a QR code.
    """
    reach, inset = 42, _INNER + 42
    stars = []
    for x in (inset, WIDTH - inset):
        for y in (inset, HEIGHT - inset):
            for turn in (0, 45):
                angles = [math.radians(turn + 90 * corner) for corner in range(4)]
                square = [(x + reach * math.cos(a), y + reach * math.sin(a)) for a in angles]
                stars.append(_path(square, GOLD, 5))
    return "".join(stars)


def _rosette(x: float, y: float, radius: float) -> str:
    """Return a guilloche: waves around circles, as on papers of value."""
    waves = []
    for ring in range(12):
        points = []
        for degree in range(0, 360, 2):
            angle = math.radians(degree)
            wave = math.sin(18 * angle + ring * math.pi / 3)
            reach = radius * (0.62 + 0.033 * ring + 0.05 * wave)
            points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
        waves.append(_path(points, PALE, 3.5))
    return "".join(waves)


def _rule(y: float) -> str:
    """Return the line under the title, with a lozenge in its middle."""
    middle = WIDTH / 2
    lines = [
        _path([(middle - side * 40, y), (middle - side * 430, y)], GOLD, 5) for side in (1, -1)
    ]
    lozenge = [(middle - 17, y), (middle, y - 17), (middle + 17, y), (middle, y + 17)]
    return "".join([*lines, _path(lozenge, GOLD, 5)])


def ground() -> bytes:
    """Return the frame and ground of the certificate as SVG."""
    outer = _rectangle(_OUTER, _OUTER, WIDTH - 2 * _OUTER, HEIGHT - 2 * _OUTER, 20)
    waves = _rosette(WIDTH / 2, HEIGHT / 2 + 90, 720)
    frame = _notched(_INNER, _NOTCH, 6) + _corners()
    return _svg(WIDTH, HEIGHT, waves + outer + frame + _rule(455))


def _star(x: float, y: float, radius: float) -> str:
    points = []
    for point in range(10):
        reach = radius if point % 2 == 0 else radius * 0.382
        angle = math.radians(36 * point - 90)
        points.append(f"{x + reach * math.cos(angle):.1f},{y + reach * math.sin(angle):.1f}")
    return f'<polygon points="{" ".join(points)}" fill="{RED}" fill-opacity="{INK}"/>'


def _around(text: str, centre: float, radius: float, size: float) -> str:
    """Return a text on the upper arc of a circle, a character at a time."""
    span = min(250.0, 22.0 * max(1, len(text) - 1))
    signs = []
    for place, char in enumerate(text):
        turn = (place / max(1, len(text) - 1) - 0.5) * span if len(text) > 1 else 0
        signs.append(
            f'<g transform="rotate({turn:.2f} {centre} {centre})">'
            f'<text x="{centre}" y="{centre - radius:.1f}" font-family="song" font-size="{size}"'
            f' text-anchor="middle" fill="{RED}" fill-opacity="{INK}">{char}</text></g>'
        )
    return "".join(signs)


def demo_seal(issuer: str) -> bytes:
    """Return a seal that says it is none (演示章), as SVG of 4.2 cm."""
    side = 420
    middle = side / 2
    size = 46 if len(issuer) <= 14 else 34
    return _svg(
        side,
        side,
        f'<circle cx="{middle}" cy="{middle}" r="200" fill="none" stroke="{RED}"'
        f' stroke-opacity="{INK}" stroke-width="9"/>'
        + _star(middle, middle, 58)
        + _around(issuer, middle, 148, size)
        + f'<text x="{middle}" y="{middle + 118}" font-family="song" font-size="42"'
        f' text-anchor="middle" fill="{RED}" fill-opacity="{INK}">演示章</text>',
    )
