"""通知公告 and 政策文件: what offices publish for everybody to read."""
