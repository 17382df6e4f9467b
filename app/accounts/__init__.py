"""People, credentials, role grants, integrity records (诚信档案)."""
