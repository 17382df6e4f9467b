"""Pages of the expert pool; manage.py has them."""

from app.experts.manage import bp

__all__ = ["bp"]
