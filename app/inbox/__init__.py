"""Task centre (任务中心) and home pages: one controller for every user task."""
