"""Bulk import from spreadsheets (批量导入): read, checked, looked at, written whole or not."""
