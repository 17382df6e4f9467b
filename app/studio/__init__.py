"""Processes as diagrams: list, viewer, versions, publishing."""
