"""个人中心: what a person tells of themselves, and what the platform knows of them."""
