"""What the catalogue tells the engine: the working-day calendar of expressions and due days."""

from app.catalogue.queries import workdays_after
from app.engine.environment import register_function

register_function("workdays_after", workdays_after)
