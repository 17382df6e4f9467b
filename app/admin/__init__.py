"""Reference data and operations pages."""
