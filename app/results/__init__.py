"""Publicity (公示), objections (异议) and confirmed results."""
