"""The unit tree (单位) and who works where."""
