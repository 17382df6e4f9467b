"""The only room that knows SpiffWorkflow."""
