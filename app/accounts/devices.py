"""What a browser calls itself, in words that its owner recognises."""

BROWSERS = (
    ("MicroMessenger", "微信"),
    ("DingTalk", "钉钉"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("QIHU", "360 浏览器"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("HarmonyOS", "鸿蒙"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def device_of(agent: str) -> str:
    """Return browser and system of a User-Agent, as far as it tells them."""
    browser = next((name for sign, name in BROWSERS if sign in agent), "其他浏览器")
    system = next((name for sign, name in SYSTEMS if sign in agent), "")
    return f"{browser}（{system}）" if system else browser
