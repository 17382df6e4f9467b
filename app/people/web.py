"""What the pages of the personal centre share."""

from flask import Blueprint

bp = Blueprint("people", __name__)
