"""Why does a test flake: the cause that its failures speak of, with how sure that is and the words.

Rules read type, message and the head of the stack: names of exceptions and phrases of Java, Python,
JavaScript, Go, .NET, Ruby, Rust and of browsers, databases and operating systems. What no rule knows
is compared with labelled examples by TF-IDF over character n-grams, which carries over to spellings
that no rule has. Without words that speak of a cause it stays unknown. Causes are those of Luo et al.
(FSE 2014), with waiting for too long told apart as timeout and what the machine lacks as environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from models.beta import Floats

CAUSES = (
    "timeout", "order", "concurrency", "network", "time", "randomness", "resource", "environment",
)  # fmt: skip
UNKNOWN = "unknown"
EXAMPLES = Path(__file__).with_name("cause_examples.jsonl")
"""Labelled failures: type, message, cause, and where they come from. Own ones name no source."""
SURE, LIKELY, HINT = 3.0, 2.0, 1.0
"""What a rule is worth, on the logit scale."""
DOUBT = 1.0
"""What unknown is worth: a hint alone is as probable as not."""
LEAST = 0.45
"""Probability from which a cause is named."""
HEAD = 1500
"""Characters of a stack or output that are read: further down others speak."""
QUOTE = 160
NEAR = 0.6
"""P(cause) by TF-IDF from which a failure that no rule knows takes the cause of the examples."""

RULES: tuple[tuple[str, float, str], ...] = (
    ("timeout", SURE, r"timed?[ -]?out|time[ -]?limit exceeded|timeouterror|timeoutexception|read ?timeout"
        r"|deadline ?exceeded|exceeded (?:the )?(?:timeout|deadline)|exceeds the deadline|exceeded timeout"
        r"|unreliable test timings|taskcanceledexception|etimedout|esockettimedout|timeout of \d+ ?m?s"
        r"|conditiontimeoutexception|async callback was not invoked within|timeout - async"
        r"|no answer .{0,40}within|not (?:be )?(?:completed?|ready|finish(?:ed)?|satisfied) (?:with)?in \d"),
    ("timeout", LIKELY, r"element ?not ?found|nosuchelement|unable to (?:find|locate) (?:visible |an? )?"
        r"(?:element|css|field|button|link|select|xpath)|staleelementreference|not (?:visible|clickable|attached)"
        r"|eventually|condition not met|waited \d+|waiting (?:for|until)|still running after"
        r"|context canceled|operation ?cancel+ed|signal: killed \(timeout\)"),
    ("concurrency", SURE, r"data race|race condition|deadlock|concurrentmodification|illegalmonitorstate"
        r"|database (?:file |table )?is locked|lock wait timeout|optimistic ?lock|staleobjectstate"
        r"|could not serialize access|concurrent (?:update|map|write|modification|transaction)"
        r"|another (?:worker|thread|transaction)|not thread[ -]?safe|changed size during iteration"
        r"|collection was modified|threadsanitizer|brokenbarrier|rejectedexecution|poisonederror"),
    ("concurrency", HINT, r"\block(?:ed)?\b|mutex|semaphore|\bthreads?\b|goroutine|interruptedexception"),
    ("network", SURE, r"connection.{0,40}\b(?:refused|reset|closed|aborted|lost)|connection ?(?:refused|reset)"
        r"|econnre(?:fused|set)|econnaborted|\benotfound|eai_again|epipe|broken ?pipe|socket ?(?:hang up|closed|exception)"
        r"|unknown ?host|no route to host|network (?:is )?(?:unreachable|error)|name (?:or service not known|resolution)"
        r"|getaddrinfo|ssl(?:handshake|error)|tls handshake|certificate (?:verify|has expired)|http ?(?:status )?50[234]"
        r"|50[234] (?:bad gateway|service unavailable|gateway timeout)|bad gateway|service unavailable"
        r"|remote end closed|unexpected eof|err_(?:connection|internet|name|network)|could not resolve host"
        r"|failed to connect|connectexception|transport connection|dial tcp|rate limit|too many requests"),
    ("time", SURE, r"daylight|\bdst\b|time ?zone|midnight|leap (?:year|day|second)|clock (?:skew|moved|drift)|tzdata"
        r"|expected .{0,40}(?:yesterday|today|tomorrow)"),
    ("time", LIKELY, r"\b(?:days?|hours?|months?) between|(?:expected|actual|was|got|to (?:be|equal)|==).{0,60}"
        r"(?:\b20\d\d-[01]\d-[0-3]\d|\b[0-3]?\d (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* 20\d\d"
        r"|\b[012]\d:[0-5]\d:[0-5]\d)|new date\(|(?:days?|hours?|minutes?|seconds?|weeks?|months?) ago\b"
        r"|(?:has|have|is|was|already|token|certificate) expired"),
    ("randomness", SURE, r"falsif(?:ying|ied)|unreliable results|inconsistent (?:data generation|results)|non-?determinis"
        r"|random(?:ly|ized|ised|ness)?\b|\bseed(?:ed|s)?\b|uuid.{0,40}(?:collision|not unique|duplicate)"
        r"|generated .{0,40}(?:not unique|already exists|duplicate)|property failed|quickcheck|failedhealthcheck"),
    ("resource", SURE, r"out ?of ?memory|oom[ -]?killed|java heap space|gc overhead|cannot allocate memory|bad_alloc"
        r"|memoryerror|heap out of memory|no space left|enospc|disk (?:is )?full|disk quota|too many open files|emfile"
        r"|enfile|too many (?:connections|clients)|address (?:is )?already in use|eaddrinuse|addrinuse|addressinuse"
        r"|only one usage of each socket address|port .{0,20}(?:in use|already allocated)|bindexception"
        r"|resource temporarily unavailable|unable to create (?:new )?native thread|pool (?:is )?exhausted"
        r"|connection is not available|being used by another process|resource ?warning|exit(?:ed)? (?:code|with|value) 137"
        r"|insufficient (?:memory|resources)|stack ?overflow"),
    ("environment", SURE, r"command not found|executable (?:doesn.t|does not) exist|cannot run program|no such file or directory"
        r"|enoent|permission ?denied|eacces|eperm|access is denied|environment variable|keyerror: '[A-Z_]{4,}'"
        r"|module ?not ?found|no module named|cannot find module|importerror|noclassdeffound|classnotfound"
        r"|unsatisfiedlink|dllnotfound|could not load (?:file or assembly|dynamic library)|exec format error"
        r"|unsupported (?:class ?file|platform|locale)|locale|display (?:not|:)|cannot open display|docker daemon"
        r"|could not find a valid docker|session ?not ?created|chrome(?:driver)? (?:not|failed|binary)|libc|version .{0,20}not found"
        r"|worker \S+ crashed|node down|crashed while running"),
    ("order", SURE, r"left (?:over |behind )?by an? (?:earlier|previous|other)|earlier test|previous test|leftover|left over"
        r"|order[ -]depend|test (?:isolation|pollution)|not (?:reset|cleaned up|torn down)|leaked (?:from|by|between)"
        r"|already (?:registered|initiali[sz]ed|defined|exists|installed|started)|undefined ?table|relation .{0,60}does not exist"
        r"|no such table|duplicate (?:key|entry)|unique constraint|table .{0,40}already exists|unfinished ?stubbing"
        r"|wanted but not invoked|unexpected mock"),
    ("order", LIKELY, r"(?:is|was|be|to be|expected) (?:not )?empty|not empty"),
)  # fmt: skip
"""Cause, worth and what the failure says; case does not count. A cause counts its best rule."""


def classify(failures: pl.DataFrame, *, with_examples: bool = True) -> pl.DataFrame:
    """Return `failures` with cause, cause_confidence and cause_evidence (the words, quoted).

    `failures` has text columns type, message and details; confidence is P(cause), 0 to 1, and of an
    unknown cause P(it is none of the causes).
    """
    texts = failures.select(
        pl.concat_str(
            pl.col("type").fill_null(""), pl.lit(": "), pl.col("message").fill_null("")
        ).alias("said"),
        pl.col("details").fill_null("").str.head(HEAD).alias("behind"),
    )
    found = _ruled(texts)
    weights = np.stack([found[f"w_{cause}"].to_numpy() for cause in CAUSES], axis=1)
    if with_examples and failures.height:
        weights = _compared(texts["said"].to_list(), weights)
    chance = _softmax(weights)
    best = chance[:, :-1].argmax(axis=1) if len(chance) else np.zeros(0, dtype=np.int64)
    top = chance[np.arange(len(best)), best]
    named = np.where(top >= LEAST, np.array(CAUSES)[best], UNKNOWN)
    quotes = [
        found[f"q_{cause}"][row] if cause in CAUSES else None for row, cause in enumerate(named)
    ]
    return failures.with_columns(
        pl.Series("cause", named.tolist(), dtype=pl.String),
        pl.Series("cause_confidence", np.where(top >= LEAST, top, chance[:, -1])),
        pl.Series("cause_evidence", quotes, dtype=pl.String),
    )


def _ruled(texts: pl.DataFrame) -> pl.DataFrame:
    """Return for each cause what its best rule is worth (`w_`), and the line it matched (`q_`).

    The stack counts less than the message: it names what was done, not what went wrong.
    """
    columns: list[pl.Expr] = []
    for cause in CAUSES:
        mine = [(worth, rule) for name, worth, rule in RULES if name == cause]
        tries = [
            (worth * share, _line(text, rule))
            for worth, rule in mine
            for text, share in (("said", 1.0), ("behind", 0.6))
        ]
        tries.sort(key=lambda one: -one[0])
        weight = pl.coalesce(*(pl.when(line.is_not_null()).then(worth) for worth, line in tries), 0.0)
        quote = pl.coalesce(*(line for _, line in tries))
        columns += [weight.alias(f"w_{cause}"), quote.str.strip_chars().alias(f"q_{cause}")]
    return texts.select(columns)


def _line(text: str, rule: str) -> pl.Expr:
    """Return the words around what a rule matches in a text, of one line; null without a match."""
    return pl.col(text).str.extract(rf"(?i)([^\n]{{0,60}}(?:{rule})[^\n]{{0,80}})", 1).str.head(QUOTE)


def _softmax(weights: Floats) -> Floats:
    """Return P(cause) and, last, P(unknown): `(n, len(CAUSES) + 1)`; what no rule says is out."""
    every = np.where(weights > 0, np.exp(weights), 0.0)
    whole = np.concatenate([every, np.full((len(weights), 1), np.exp(DOUBT))], axis=1)
    return whole / whole.sum(axis=1, keepdims=True)


def _compared(said: Sequence[str], weights: Floats) -> Floats:
    """Return the weights with those of the examples for failures that no rule knows."""
    bare = np.flatnonzero(weights.max(axis=1) == 0)
    if not len(bare):
        return weights
    told = learned().predict([said[row] for row in bare])
    found = weights.copy()
    for row, chances in zip(bare, told, strict=True):
        at = int(chances[:-1].argmax())
        if chances[at] >= NEAR:
            found[row, at] = DOUBT + np.log(chances[at] / (1 - chances[at]))
    return found


class Examples:
    """TF-IDF over character n-grams and a logistic regression, learned from labelled failures."""

    def __init__(self, said: Sequence[str], causes: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        words = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=1)
        steps: Any = make_pipeline(words, LogisticRegression(C=30.0, max_iter=500))
        self.steps: Any = steps.fit([_plain(text) for text in said], list(causes))

    def predict(self, said: Sequence[str]) -> Floats:
        """Return P(cause) in the order of CAUSES and, last, P(unknown): `(n, len(CAUSES) + 1)`."""
        told = self.steps.predict_proba([_plain(text) for text in said])
        classes = list(self.steps.classes_)
        found = np.zeros((len(told), len(CAUSES) + 1))
        for at, cause in enumerate((*CAUSES, UNKNOWN)):
            if cause in classes:
                found[:, at] = told[:, classes.index(cause)]
        return found


@cache
def learned() -> Examples:
    """Return what is learned from the examples; once a process."""
    rows = pl.read_ndjson(EXAMPLES)
    said = rows.select(pl.concat_str("type", pl.lit(": "), "message")).to_series().to_list()
    return Examples(said, rows["cause"].to_list())


def _plain(text: str) -> str:
    """Return a text without numbers, which tell nothing of a cause."""
    return "".join("0" if letter.isdigit() else letter for letter in text.lower())[:500]


def of_tests(failures: pl.DataFrame) -> pl.DataFrame:
    """Return one row a test, KEY, with the cause that most of its failures speak of.

    `failures`: project_id, test_id, times (how often), cause, cause_confidence, cause_evidence. The
    confidence is the mean probability of that cause over all failures; the words are of its surest.
    """
    key = ["project_id", "test_id"]
    weighed = failures.with_columns(mass=pl.col("times") * pl.col("cause_confidence"))
    sums = weighed.group_by(*key, "cause").agg(
        pl.sum("mass"), pl.col("cause_evidence").sort_by("cause_confidence").last()
    )
    every = failures.group_by(key).agg(every=pl.sum("times"))
    # A cause that is named for a part of the failures beats "unknown" for the rest.
    named = sums.with_columns(known=(pl.col("cause") != UNKNOWN))
    best = named.sort(*key, "known", "mass", "cause", descending=[False, False, True, True, False])
    return (
        best.unique(key, keep="first", maintain_order=True)
        .join(every, on=key)
        .select(
            *key, "cause", (pl.col("mass") / pl.col("every")).alias("cause_confidence"),
            "cause_evidence",
        )
    )  # fmt: skip
