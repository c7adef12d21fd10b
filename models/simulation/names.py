"""The words of the simulated shop: people, commit subjects, test cases, source files.

Only names live here; what happens to them is decided in `history` and `truth`. All people are
invented and live at example.org.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from golive_core.ids import content_ids

PEOPLE = (
    "Ada Lindqvist", "Ben Okafor", "Chiara Moretti", "Dmitri Halvorsen", "Elif Yaman",
    "Farid Benali", "Greta Sundberg", "Hiro Tanabe", "Ines Carvalho", "Jonas Weidner",
    "Kavya Raman", "Liam Gallagher-Ruiz",
)  # fmt: skip
AREAS = (
    "checkout", "cart", "catalog", "pricing", "inventory", "shipping", "payments", "accounts",
    "search", "reviews", "notifications", "reports",
)  # fmt: skip
NOUNS = (
    "totals", "address", "discounts", "session", "limits", "history", "filters", "import",
    "export", "rounding", "permissions", "validation", "caching", "pagination", "webhooks",
    "templates", "ordering", "currency",
)  # fmt: skip
VERBS = (
    "returns", "rejects", "keeps", "applies", "updates", "ignores", "merges", "restores",
    "sorts", "limits", "publishes", "recalculates",
)  # fmt: skip
OBJECTS = (
    "gift_card", "empty_basket", "tax_rate", "late_parcel", "guest_order", "expired_token",
    "second_page", "foreign_currency", "duplicate_entry", "large_upload", "partial_refund",
    "unknown_customer", "stock_level", "promo_code",
)  # fmt: skip
CONDITIONS = (
    "", "_after_timeout", "_for_returning_customer", "_when_offline", "_on_first_visit",
    "_with_two_workers", "_at_midnight", "_in_dry_run", "_after_rollback",
)  # fmt: skip
KINDS = ("unit", "integration", "e2e")
KIND_SHARES = (0.66, 0.26, 0.08)
BROWSERS = ("chromium", "firefox")
CHANGES = (
    "Round {noun} half up in {area}", "Move {area} {noun} behind an interface",
    "Cache {noun} of {area} per request", "Read {area} {noun} from settings",
    "Speed up {area} {noun}", "Let {area} retry when {noun} are locked",
    "Simplify {noun} in {area}", "Log slow {noun} in {area}", "Type the {noun} of {area}",
    "Add an index for {area} {noun}", "Bump the client that {area} {noun} use",
)  # fmt: skip
TESTS_PER_CLASS = 16


def email(name: str) -> str:
    """Return the address of an invented person."""
    return name.lower().replace(" ", ".") + "@example.org"


@dataclass(frozen=True, slots=True)
class Suite:
    """The test cases: `frame` has the columns of core.tests but for the times.

    `group` is the class of each test case, `area` and `kind` index AREAS and KINDS; all of shape
    `(n,)`. `modules` names the source file behind each class.
    """

    frame: pl.DataFrame
    group: NDArray[np.int64]
    area: NDArray[np.int64]
    kind: NDArray[np.int64]
    modules: list[str]


def suite(n: int, project_id: str, rng: np.random.Generator) -> Suite:
    """Return `n` distinct test cases in classes of TESTS_PER_CLASS."""
    classes = [_class(index) for index in range(-(-n // TESTS_PER_CLASS))]
    kind_of_class = rng.choice(len(KINDS), len(classes), p=KIND_SHARES)
    kind_of_class[0] = 0
    member = np.arange(n) // TESTS_PER_CLASS
    place = np.arange(n) % TESTS_PER_CLASS
    kind = kind_of_class[member]
    names = _cases(len(classes), rng)
    texts = {
        "suite": [f"{AREAS[c % len(AREAS)]}-{KINDS[k]}" for c, k in enumerate(kind_of_class)],
        "class_name": [f"tests.{KINDS[k]}.{classes[c]}" for c, k in enumerate(kind_of_class)],
        "file": [_test_file(classes[c], KINDS[k]) for c, k in enumerate(kind_of_class)],
    }
    frame = pl.DataFrame({name: pl.Series(values)[member] for name, values in texts.items()})
    frame = frame.with_columns(
        project_id=pl.lit(project_id),
        name=pl.Series([names[c][p] for c, p in zip(member, place, strict=True)]),
        parameters=pl.Series(_parameters(kind, place), dtype=pl.String),
    )
    key = ["project_id", "suite", "class_name", "name", "parameters"]
    frame = frame.with_columns(test_id=content_ids(frame, key))
    modules = [_module(name) for name in classes]
    return Suite(frame, member, member % len(AREAS), kind, modules)


def _class(index: int) -> str:
    """Return the dotted name of class `index`; areas come in turn, then nouns, then a number."""
    area, rest = AREAS[index % len(AREAS)], index // len(AREAS)
    noun, copy = NOUNS[rest % len(NOUNS)], rest // len(NOUNS)
    return f"{area}.test_{area}_{noun}" + (f"_{copy + 1}" if copy else "")


def _test_file(dotted: str, kind: str) -> str:
    return f"tests/{kind}/" + dotted.replace(".", "/") + ".py"


def _module(dotted: str) -> str:
    return "shop/" + dotted.replace(".test_", "/").removesuffix("_") + ".py"


def _cases(classes: int, rng: np.random.Generator) -> list[list[str]]:
    """Return TESTS_PER_CLASS distinct names for each class."""
    words = [f"test_{v}_{o}{c}" for v in VERBS for o in OBJECTS for c in CONDITIONS]
    starts = rng.integers(0, len(words), classes)
    step = 97  # coprime to the number of words: no name comes twice within a class
    return [
        [words[(start + step * place) % len(words)] for place in range(TESTS_PER_CLASS)]
        for start in starts.tolist()
    ]


def _parameters(kind: NDArray[np.int64], place: NDArray[np.int64]) -> list[str | None]:
    browser = KINDS.index("e2e")
    return [
        BROWSERS[p % 2] if k == browser else None
        for k, p in zip(kind.tolist(), place.tolist(), strict=True)
    ]


def subject(rng: np.random.Generator) -> tuple[str, int]:
    """Return a commit's subject and the index of the area that it is about."""
    area = int(rng.integers(len(AREAS)))
    noun = NOUNS[int(rng.integers(len(NOUNS)))]
    text = CHANGES[int(rng.integers(len(CHANGES)))]
    return text.format(area=AREAS[area], noun=noun), area
