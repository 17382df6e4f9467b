"""Certificates of people who do not exist, and what a scanner or a camera makes of them."""

import io
import random
from collections.abc import Callable, Mapping
from functools import cache

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from app.core.assets import asset_path
from app.demo.pictures import paper

FAMILY, GIVEN = "柏毕林苏黎娄陈王李张刘赵钱孙周吴郑冯", "小满如松远禾晓山海月明华文思源清嘉宁子"
WORK = "本人认真学习贯彻落实各项教育教学工作任务积极参加培训活动完成了课程建设与班级管理"
PAPER = (250, 250, 250)
Draw = Callable[[random.Random], Image.Image]
Scan = Callable[[Image.Image, random.Random], Image.Image]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(asset_path("fonts/NotoSansSC-Regular.ttf")), size)


def _name(chance: random.Random) -> str:
    return chance.choice(FAMILY) + "".join(chance.sample(GIVEN, chance.choice((1, 2))))


def award(chance: random.Random) -> Image.Image:
    """A certificate as the demonstration draws it: name, work, prize, number and date differ."""
    subject = chance.choice(("数学", "语文", "英语", "科学"))
    theme = chance.choice(("量感培养", "整本书阅读", "口语表达", "探究教学"))
    lines = (
        f"{_name(chance)}同志：",
        f"您的成果“小学{subject}{theme}研究”",
        f"获得{chance.choice('一二三')}等奖，特发此证。",
        f"证书编号：{chance.randrange(10**9, 10**10)}",
        f"{chance.randrange(2015, 2026)}年{chance.randrange(1, 13)}月",
    )
    return Image.open(io.BytesIO(paper("获奖证书", lines)))


def slip(chance: random.Random) -> Image.Image:
    """A sheet with two words on it: the name alone differs."""
    return Image.open(io.BytesIO(paper("继续教育证书", (_name(chance), "2025 年度"))))


def honour(chance: random.Random) -> Image.Image:
    """A certificate given to many on one day: nothing but the name and a number differ."""
    image = Image.new("RGB", (1200, 850), (255, 246, 230))
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 40, 1160, 810), outline=(190, 30, 30), width=12)
    draw.text((600, 150), "荣 誉 证 书", font=_font(80), fill=(190, 20, 20), anchor="mm")
    lines = (
        (150, 300, 44, f"{_name(chance)} 同志："),
        (150, 390, 40, "    在二〇二三年度工作中成绩突出，被评为优秀教师，"),
        (150, 460, 40, "特发此证，以资鼓励。"),
        (800, 640, 40, "云桥区教育局"),
        (150, 720, 28, f"编号：{chance.randrange(1000, 10000)}"),
    )
    for x, y, size, text in lines:
        draw.text((x, y), text, font=_font(size), fill=(20, 20, 20))
    draw.ellipse((830, 560, 1010, 740), outline=(220, 30, 30), width=8)
    return image


def record(chance: random.Random) -> Image.Image:
    """A form that somebody filled: the same lines and heads, other words."""
    image = Image.new("RGB", (1240, 1754), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.text((620, 130), "年度考核登记表", font=_font(48), fill=0, anchor="mm")
    for row, (label, value) in enumerate((("姓名", _name(chance)), ("职务", "教师"))):
        draw.rectangle((110, 230 + 80 * row, 1130, 310 + 80 * row), outline=0, width=3)
        draw.text((130, 250 + 80 * row), f"{label}    {value}", font=_font(32), fill=0)
    draw.rectangle((110, 390, 1130, 1250), outline=0, width=3)
    for row in range(12):
        text = "".join(chance.choice(WORK) for _ in range(28))
        draw.text((140, 410 + 66 * row), text, font=_font(32), fill=0)
    return image


TEMPLATES: Mapping[str, Draw] = {"award": award, "honour": honour, "record": record, "slip": slip}


def _jpeg(image: Image.Image, quality: int = 80) -> Image.Image:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality)
    return Image.open(target)


def _resized(image: Image.Image, factor: float) -> Image.Image:
    size = (int(image.width * factor), int(image.height * factor))
    return _jpeg(image.resize(size, Image.Resampling.LANCZOS))


def _grainy(image: Image.Image, _chance: random.Random) -> Image.Image:
    grain = Image.effect_noise(image.size, 20)
    return _jpeg(ImageChops.add(image, Image.merge("RGB", (grain,) * 3), 1, -128))


def _turned(image: Image.Image, chance: random.Random, degrees: float) -> Image.Image:
    turn = degrees * chance.choice((1, -1))
    return _jpeg(image.rotate(turn, Image.Resampling.BICUBIC, fillcolor=PAPER))


def _cropped(image: Image.Image, chance: random.Random, most: float) -> Image.Image:
    left, top, right, foot = (most * (0.5 + chance.random() / 2) for _ in range(4))
    wide, high = image.size
    box = (int(wide * left), int(high * top), int(wide * (1 - right)), int(high * (1 - foot)))
    return _jpeg(image.crop(box))


RESCANS: Mapping[str, Scan] = {
    "compressed": lambda image, _: _jpeg(image, 40),
    "compressed_much": lambda image, _: _jpeg(image, 20),
    "smaller": lambda image, _: _resized(image, 0.7),
    "double": lambda image, _: _resized(image, 2),
    "brighter": lambda image, _: _jpeg(ImageEnhance.Brightness(image).enhance(1.1)),
    "darker": lambda image, _: _jpeg(ImageEnhance.Brightness(image).enhance(0.75)),
    "pale": lambda image, _: _jpeg(ImageEnhance.Contrast(image).enhance(0.6)),
    "grey": lambda image, _: _jpeg(image.convert("L")),
    "grainy": _grainy,
}
"""The same sheet once more: what must be found."""
WORN: Mapping[str, Scan] = {
    "half": lambda image, _: _resized(image, 0.5),
    "blurred": lambda image, _: _jpeg(image.filter(ImageFilter.GaussianBlur(1.5))),
    "blown_out": lambda image, _: _jpeg(ImageEnhance.Brightness(image).enhance(1.2)),
}
"""Words grow illegible, pale lines turn white: what is found now and then."""
MOVED: Mapping[str, Scan] = {
    "turned_half": lambda image, chance: _turned(image, chance, 0.5),
    "turned_one": lambda image, chance: _turned(image, chance, 1),
    "turned_two": lambda image, chance: _turned(image, chance, 2),
    "cropped": lambda image, chance: _cropped(image, chance, 0.02),
}
"""The same sheet, laid otherwise: what is mostly missed."""
