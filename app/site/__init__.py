"""The public home page and files."""
