"""Pages made up from a seed, and known changes of one thing on them.

A page is plain HTML of parts as applications have them: bars, cards with figures, paragraphs,
tables, forms, drawn charts, pictures. Whatever may change carries an id. A change is a piece of
JavaScript that is run in the page; it returns the boxes (x, y, width, height) that it touched,
before and after, so that the truth is what the browser laid out and not what was intended.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

WORDS = (
    "account", "alert", "archive", "average", "balance", "batch", "branch", "build", "cache",
    "change", "client", "cluster", "commit", "cost", "customer", "daily", "deploy", "draft",
    "error", "event", "failed", "filter", "first", "flaky", "group", "health", "history", "index",
    "invoice", "issue", "journey", "label", "latency", "limit", "list", "load", "login", "merge",
    "metric", "model", "month", "network", "node", "open", "order", "owner", "page", "passed",
    "pipeline", "policy", "price", "profile", "project", "queue", "rate", "release", "report",
    "request", "result", "retry", "review", "role", "rule", "sample", "search", "secret", "server",
    "session", "setting", "signal", "source", "stage", "state", "status", "step", "store", "stream",
    "table", "target", "team", "test", "ticket", "total", "trend", "user", "value", "week",
)  # fmt: skip
FONTS = ("DejaVu Sans", "Liberation Sans", "Inter", "DejaVu Serif", "Liberation Serif")
PALETTES = (
    ("#ffffff", "#1c2430", "#2563eb", "#e8eef7", "#5b6675"),
    ("#0f141b", "#e6e9ee", "#4f9cf9", "#1c2530", "#9aa6b4"),
    ("#fbf8f2", "#2d2a26", "#b4532a", "#efe7da", "#766d62"),
    ("#f4f6f8", "#15202b", "#0f766e", "#dfe7ea", "#55636e"),
)
KINDS = ("moved", "recoloured", "text", "removed", "added")


@dataclass(frozen=True)
class Page:
    """One page: its HTML and the ids of what may change, by what it is."""

    html: str
    boxes: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One change: its kind and the script that makes it."""

    kind: str
    script: str


class Maker:
    """Writes one page."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.colours = random.choice(PALETTES)
        self.boxes: list[str] = []
        self.texts: list[str] = []

    def page(self) -> Page:
        """Return a page of 1280 x 720."""
        back, ink, accent, panel, quiet = self.colours
        size = self.random.choice((13, 14, 15, 16))
        style = (
            f"*{{box-sizing:border-box}}body{{margin:0;background:{back};color:{ink};"
            f"font:{size}px/1.45 '{self.random.choice(FONTS)}';width:1280px;height:720px;"
            f"overflow:hidden;position:relative}}.panel{{background:{panel};border-radius:8px;"
            f"padding:12px}}.quiet{{color:{quiet}}}.accent{{background:{accent};color:#fff;"
            "border-radius:6px;padding:6px 14px;display:inline-block}h1{font-size:1.7em;margin:0}"
            "h2{font-size:1.2em;margin:0 0 6px}td,th{padding:4px 10px;text-align:left;"
            f"border-bottom:1px solid {panel}}}input{{font:inherit;padding:5px;border:1px solid "
            f"{quiet};border-radius:4px;background:{back};color:{ink}}}"
            ".at{position:absolute}"
        )
        body = [self.bar()]
        places = [(x, y) for y in (76, 284, 500) for x in (20, 440, 860)]
        for x, y in places:
            part = self.random.choice(
                (self.cards, self.prose, self.table, self.form, self.chart, self.picture, self.list)
            )
            body.append(
                f'<div class="at" style="left:{x}px;top:{y}px;width:400px;height:200px;'
                f'overflow:hidden">{part()}</div>'
            )
        html = f"<!doctype html><meta charset=utf-8><style>{style}</style><body>{''.join(body)}"
        return Page(html, tuple(self.boxes), tuple(self.texts))

    def words(self, low: int, high: int) -> str:
        """Return a few words."""
        return " ".join(self.random.choice(WORDS) for _ in range(self.random.randint(low, high)))

    def box(self) -> str:
        """Return the attribute of a thing that may be moved, recoloured or removed."""
        self.boxes.append(f"b{len(self.boxes)}")
        return f'id="{self.boxes[-1]}"'

    def text(self, said: str) -> str:
        """Return a text that may be changed."""
        self.texts.append(f"t{len(self.texts)}")
        return f'<span id="{self.texts[-1]}">{said}</span>'

    def bar(self) -> str:
        """Return the bar at the top."""
        links = "".join(
            f'<span {self.box()} style="margin-left:28px">{self.text(self.words(1, 2))}</span>'
            for _ in range(4)
        )
        return (
            f'<div class="panel" style="height:60px;display:flex;align-items:center;'
            f'border-radius:0"><h1 {self.box()}>{self.text(self.words(1, 3).title())}</h1>{links}'
            f'<span {self.box()} class="accent" style="margin-left:auto">'
            f"{self.text(self.words(1, 2).title())}</span></div>"
        )

    def cards(self) -> str:
        """Return cards with figures."""
        return '<div style="display:flex;gap:10px">' + "".join(
            f'<div {self.box()} class="panel" style="width:126px"><div class="quiet">'
            f'{self.words(1, 1)}</div><div style="font-size:1.9em">'
            f"{self.text(str(self.random.randint(10, 9999)))}</div>"
            f'<div class="quiet">{self.random.randint(1, 99)} %</div></div>'
            for _ in range(3)
        ) + "</div>" + f'<p {self.box()}>{self.text(self.words(8, 16))}</p>'  # fmt: skip

    def prose(self) -> str:
        """Return a paragraph."""
        return (
            f"<h2 {self.box()}>{self.text(self.words(2, 4).capitalize())}</h2>"
            f'<p {self.box()} style="margin:0">{self.text(self.words(3, 6).capitalize())} '
            f"{self.words(12, 24)} {self.text(self.words(2, 5))} {self.words(3, 9)}.</p>"
        )

    def table(self) -> str:
        """Return a table."""
        rows = "".join(
            f"<tr {self.box()}><td>{self.text(self.words(1, 2))}<td>"
            f"{self.text(str(self.random.randint(100, 99999)))}<td>{self.words(1, 1)}</tr>"
            for _ in range(5)
        )
        return (
            f"<table><tr><th>{self.words(1, 1)}<th>{self.words(1, 1)}<th>state</tr>{rows}</table>"
        )

    def form(self) -> str:
        """Return a form."""
        fields = "".join(
            f'<div style="margin-bottom:8px"><label class="quiet" style="display:inline-block;'
            f'width:110px">{self.text(self.words(1, 1))}</label><input {self.box()} '
            f'value="{self.words(1, 3)}"></div>'
            for _ in range(3)
        )
        return (
            f'<div class="panel">{fields}<span {self.box()} class="accent">'
            f"{self.text(self.words(1, 1).title())}</span></div>"
        )

    def chart(self) -> str:
        """Return a drawn chart: bars and a line."""
        heights = [self.random.randint(20, 130) for _ in range(10)]
        bars = "".join(
            f'<rect {self.box()} x="{20 + 36 * n}" y="{150 - high}" width="24" height="{high}" '
            f'fill="{self.colours[2]}" opacity=".75"/>'
            for n, high in enumerate(heights)
        )
        line = " ".join(
            f"{32 + 36 * n},{self.random.randint(15, 140)}" for n, _ in enumerate(heights)
        )
        return (
            f'<svg width="400" height="190"><g>{bars}</g><polyline points="{line}" fill="none" '
            f'stroke="{self.colours[1]}" stroke-width="2"/><circle {self.box()} '
            f'cx="330" cy="172" r="14" fill="{self.colours[4]}"/></svg>'
        )

    def picture(self) -> str:
        """Return a picture of gradients and dots, as photographs and maps are busy."""
        dots = "".join(
            f'<circle cx="{self.random.randint(0, 260)}" cy="{self.random.randint(0, 150)}" '
            f'r="{self.random.randint(2, 16)}" fill="hsl({self.random.randint(0, 359)} 60% 55%)" '
            'opacity=".7"/>'
            for _ in range(60)
        )
        hue = self.random.randint(0, 359)
        return (
            f'<svg {self.box()} width="260" height="150" style="background:linear-gradient(135deg,'
            f'hsl({hue} 60% 70%),hsl({(hue + 90) % 360} 60% 40%));border-radius:8px">{dots}</svg>'
            f'<div class="quiet" {self.box()}>{self.text(self.words(2, 5))}</div>'
        )

    def list(self) -> str:
        """Return a list with round marks."""
        return "".join(
            f'<div {self.box()} style="display:flex;gap:8px;align-items:center;padding:4px 0">'
            f'<span style="width:22px;height:22px;border-radius:50%;background:'
            f'hsl({self.random.randint(0, 359)} 55% 50%)"></span>'
            f"{self.text(self.words(2, 4))}</div>"
            for _ in range(5)
        )


BOXES = """
const box = e => { const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height] };
const inked = e => {
  const r = document.createRange(); r.selectNodeContents(e);
  const b = r.getBoundingClientRect(); return [b.x, b.y, b.width, b.height] };
"""


def change(page: Page, kind: str, random: Random, least: int = 3) -> Change:
    """Return a change of `kind` to something on the page; what moves does so by `least` pixels."""
    if kind == "moved":
        return Change(kind, f"() => {{ {BOXES} {_moved(page, random, least)} }}")
    makers = {
        "recoloured": _recoloured, "text": _text, "removed": _removed, "added": _added,
    }  # fmt: skip
    return Change(kind, f"() => {{ {BOXES} {makers[kind](page, random)} }}")


def _moved(page: Page, random: Random, least: int) -> str:
    far = random.choice([step for step in (3, 4, 5, 6, 8, 12, 20, 40) if step >= least])
    x, y = random.choice(((far, 0), (0, far), (-far, 0), (far, far // 2)))
    return (
        f"const e = document.getElementById('{random.choice(page.boxes)}'); const old = box(e);"
        f"e.style.transform = 'translate({x}px,{y}px)'; return [old, box(e)]"
    )


def _recoloured(page: Page, random: Random) -> str:
    turn = random.choice(("hue-rotate(40deg) saturate(1.4)", "hue-rotate(180deg)", "invert(.25)",
                          "brightness(.85)", "brightness(1.18) contrast(.9)"))  # fmt: skip
    fill = random.choice(("", f"hsl({random.randint(0, 359)} 60% 55%)"))
    return (
        f"const e = document.getElementById('{random.choice(page.boxes)}');"
        f"if ('{fill}') {{ e.style.background = '{fill}'; e.style.fill = '{fill}' }}"
        f"else e.style.filter = '{turn}'; return [box(e)]"
    )


def _text(page: Page, random: Random) -> str:
    return (
        f"const e = document.getElementById('{random.choice(page.texts)}'); const old = inked(e);"
        f"const said = e.textContent, digits = /^\\d+$/.test(said);"
        f"e.textContent = digits ? String(Number(said) + {random.randint(1, 4000)}) :"
        f" '{' '.join(random.choice(WORDS) for _ in range(3))}'.slice(0, Math.max(4, said.length));"
        "return [old, inked(e)]"
    )


def _removed(page: Page, random: Random) -> str:
    return (
        f"const e = document.getElementById('{random.choice(page.boxes)}'); const old = box(e);"
        "e.style.visibility = 'hidden'; return [old]"
    )


def _added(page: Page, random: Random) -> str:
    wide, high = random.choice(((36, 28), (60, 24), (90, 30), (160, 60), (300, 140)))
    x, y = random.randint(0, 1280 - wide), random.randint(60, 720 - high)
    said = random.choice(WORDS)[: max(1, wide // 12)]
    return (
        "const e = document.createElement('div');"
        f"e.style.cssText = 'position:absolute;left:{x}px;top:{y}px;width:{wide}px;"
        f"height:{high}px;border:1px solid #8888;border-radius:4px;background:"
        f"hsl({random.randint(0, 359)} 60% 50%);color:#fff;text-align:center;overflow:hidden';"
        f"e.textContent = '{said}'; document.body.append(e); return [box(e)]"
    )
