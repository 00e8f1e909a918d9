"""Which tickers a person asked for: terms of text, understood while they are typed. Pure.

Terms are separated by blanks and must all hold. One is a part of the ticker or of its caption, or compares a value with
a number (`age>30`, `vol>=1e6`, `chg<-2`); a `!` before it turns it round.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from shared.printable import printable
from shared.quotes import Price, Quote

NOT = "!"
SHOWN_AGE_DECIMALS, SHOWN_PERCENT_DECIMALS = 1, 2
LONGEST_NAME_TOLD = 12

Holds = Callable[[Quote, float], bool]


class Filter(NamedTuple):
    """`problem` says in one short line what was not understood, empty: nothing; the other terms hold all the same."""

    terms: tuple[Holds, ...] = ()
    problem: str = ""

    def matches(self, quote: Quote, now: float) -> bool:
        """Whether all terms hold. `now` is monotonic."""
        return all(holds(quote, now) for holds in self.terms)


EVERYTHING = Filter()


class Value(NamedTuple):
    """What can be compared: `of` gives None while it is unknown, `units` what a letter after the number multiplies."""

    of: Callable[[Quote, float], float | None]
    units: Mapping[str, float]


def parse_filter(text: str) -> Filter:
    """Never raises, whatever the text."""
    terms: list[Holds] = []
    problem = ""
    for word in _WRITTEN_WIDE.sub(r"\1", text.translate(_OTHER_SIGNS)).split():
        try:
            terms.append(_term(word))
        except _NotUnderstood as found:
            problem = problem or str(found)
    return Filter(tuple(terms), problem)


class _NotUnderstood(Exception):
    """In words for the person."""


def _term(word: str) -> Holds:
    text = word.lstrip(NOT)
    if not text:
        raise _NotUnderstood(f"{NOT} needs something after it")
    holds = _comparison(text) or _part(text)
    return _opposite(holds) if (len(word) - len(text)) % 2 else holds


def _opposite(holds: Holds) -> Holds:
    return lambda quote, now: not holds(quote, now)


def _part(text: str) -> Holds:
    """Whether the ticker or its caption has that text in it, in small or capital letters."""
    wanted = text.casefold()
    return lambda quote, now: wanted in quote.ticker.casefold() or wanted in _caption(quote).casefold()


def _caption(quote: Quote) -> str:
    caption = (quote.fields or {}).get("CAPTION")
    return caption if isinstance(caption, str) else ""


# ---- comparisons


def _comparison(text: str) -> Holds | None:
    """None when `text` has no operator, so that it is no comparison."""
    found = _COMPARISON.match(text)
    if found is None:
        return None
    name, sign, number = found.groups()
    value = VALUES.get(name.casefold())
    if value is None:
        told = printable(name if len(name) <= LONGEST_NAME_TOLD else name[:LONGEST_NAME_TOLD] + "...")
        raise _NotUnderstood(f"{told}{sign} is unknown, there are {', '.join(VALUES)}")
    wanted = _number(number, value.units)
    if wanted is None:
        raise _NotUnderstood(f"{name.casefold()}{sign} needs a number")
    return _compared(value.of, _OPERATORS[sign], wanted)


def _compared(
    value_of: Callable[[Quote, float], float | None], holds: Callable[[float, float], bool], wanted: float
) -> Holds:
    def compare(quote: Quote, now: float) -> bool:
        value = value_of(quote, now)
        return value is not None and holds(value, wanted)

    return compare


def _number(text: str, units: Mapping[str, float]) -> float | None:
    found = _NUMBER.match(text)
    if found is None:
        return None
    digits, unit = found.group(1), found.group(2).casefold()
    factor = units.get(unit) if unit else 1.0
    return None if factor is None else float(digits) * factor


def _age(quote: Quote, now: float) -> float | None:
    at = quote.received_at
    return None if at is None else round(max(0.0, now - at), SHOWN_AGE_DECIMALS)


def _change(quote: Quote, now: float) -> float | None:
    percent = quote.change_percent
    return None if percent is None else round(percent, SHOWN_PERCENT_DECIMALS)


def _price(price_of: Callable[[Quote], Price | None]) -> Callable[[Quote, float], float | None]:
    def value(quote: Quote, now: float) -> float | None:
        price = price_of(quote)
        return None if price is None else round(price.value, price.decimals)

    return value


_OTHER_SIGNS = str.maketrans({"≥": ">=", "≤": "<="})
_WRITTEN_WIDE = re.compile(r"\s*(>=|<=|>|<|=)\s*")
_COMPARISON = re.compile(r"([^<>=]*)(>=|<=|>|<|=)(.*)\Z", re.DOTALL)
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)(.?)\Z", re.IGNORECASE)
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
}
_TIMES = {"s": 1.0, "m": 60.0, "h": 3600.0}
_COUNTS = {"k": 1e3, "m": 1e6, "b": 1e9}

VALUES: Mapping[str, Value] = {
    "age": Value(_age, _TIMES),
    "vol": Value(lambda quote, now: quote.volume, _COUNTS),
    "chg": Value(_change, {"%": 1.0}),
    "last": Value(_price(lambda quote: quote.last), _COUNTS),
    "bid": Value(_price(lambda quote: quote.bid), _COUNTS),
    "ask": Value(_price(lambda quote: quote.ask), _COUNTS),
    "spread": Value(_price(lambda quote: quote.spread), _COUNTS),
    "upd": Value(lambda quote, now: quote.updates, _COUNTS),
}
"""By the names that are typed. What is compared is what is shown, as far as it is rounded there."""
