"""The application that servers and the flask command load."""

from app.factory import create_app

application = create_app()
