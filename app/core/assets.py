"""Addresses of the built scripts, styles and fonts."""

import json
from functools import cache
from pathlib import Path

from flask import Flask

DIST = Path(__file__).parents[1] / "static" / "dist"


@cache
def _manifest(changed_at: int) -> dict[str, str]:
    """Read the manifest of the build; changed_at makes a new build visible at once."""
    names: dict[str, str] = json.loads((DIST / "manifest.json").read_text("utf-8"))
    return names


def asset(name: str) -> str:
    """Give the address of a built file, hashed name and all.

    Without a build the plain name is given, so that pages still render.
    """
    try:
        names = _manifest((DIST / "manifest.json").stat().st_mtime_ns)
    except FileNotFoundError:
        names = {}
    return f"/static/dist/{names.get(name, name)}"


def asset_path(name: str) -> Path:
    """Give the place of a built file on disk (fonts of the PDFs)."""
    return DIST / asset(name).removeprefix("/static/dist/")


def init_assets(app: Flask) -> None:
    """Make `asset` known to every template."""
    app.jinja_env.globals["asset"] = asset
