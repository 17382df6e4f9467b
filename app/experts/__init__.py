"""The expert pool (专家库)."""
