"""Declarations (职称申报), from the first field to acceptance."""
