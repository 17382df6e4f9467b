"""Every official document, rendered as PDF."""
