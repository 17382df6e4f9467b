"""Reference data: series, titles, working days, jurisdictions."""
