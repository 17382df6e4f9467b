"""What the catalogue tells the engine: how working days are counted (工作日)."""

from app.catalogue.queries import workdays_after
from app.engine.environment import register_function

register_function("workdays_after", workdays_after)
