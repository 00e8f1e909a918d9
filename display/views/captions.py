"""What the columns of the securities stream are called, and what their letters mean. Pure.

The words are the exchange's own, which it sends when a connection is greeted, but where those can be misunderstood.
"""

from collections.abc import Mapping

CAPTIONS: Mapping[str, str] = {
    "LAST": "Last",
    "BID": "Bid",
    "OFFER": "Offer",
    "CHANGE": "Last to previous close",
    "HIGH": "Highest today",
    "LOW": "Lowest today",
    "VOLTODAY": "Today volume",
    "VALTODAY": "Today value",
    "NUMTRADES": "Trades today",
    "TIME": "Last trade, Moscow time",
    "QTY": "Lots of the last",
    "VALUE": "Value of the last",
    "WAPRICE": "Weighted average",
    "PREVPRICE": "Previous close",
    "TRADINGSTATUS": "Trading status",
    "BIDDEPTHT": "Total bid depth",
    "OFFERDEPTHT": "Total offer depth",
    "HIGHBID": "Highest bid today",
    "LOWOFFER": "Lowest offer today",
    "LCURRENTPRICE": "Official current price",
    "LCLOSEPRICE": "Official closing price",
    "PREVWAPRICE": "Previous weighted average",
    "PRICEMINUSPREVWAPRICE": "Last to previous average",
    "MARKETPRICE": "Last day market price",
    "ADMITTEDQUOTE": "Admitted quote",
    "LOTSIZE": "Lot size",
    "MINSTEP": "Order's minimum price step",
    "PRICEMINSTEP": "Minimum price step",
    "STATUS": "Status",
    "CURRENCYID": "Settlement currency",
    "SETTLECODE": "Settlement code",
    "SETTLEDATE1": "Settlement date 1",
    "SETTLEDATE2": "Settlement date 2",
    "FACEVALUE": "Face value",
    "FACEUNIT": "Face value currency",
    "ISSUESIZE": "Issued volume",
    "BASEPRICE": "Base price",
    "DPVALINDICATORBUY": "Bid flag (dark pools)",
    "DPVALINDICATORSELL": "Sell flag (dark pools)",
    "TICKER": "Ticker",
    "CAPTION": "Security",
}
"""By column, what a person looks for first at the top."""

_ORDERS = {" ": "no orders", "S": "S: few orders", "M": "M: many orders", "Y": "Y: there are orders"}

VALUES: Mapping[str, Mapping[str, str]] = {
    "TRADINGSTATUS": {
        "T": "T: trading session",
        "N": "N: not traded now",
        "O": "O: opening period",
        "C": "C: trading is closed",
        "F": "F: closing period",
        "B": "B: break",
        "L": "L: closing auction",
        "D": "D: dark pool",
        "I": "I: discrete auction",
        "E": "E: at the closing price",
        "S": "S: opening auction",
        "A": "A: auction, order entry",
        "a": "a: auction, conclusion",
        "b": "b: auction, orders locked",
        "p": "p: after the auction",
    },
    "STATUS": {"A": "A: allowed", "S": "S: suspended", "N": "N: settlement only"},
    "DPVALINDICATORBUY": _ORDERS,
    "DPVALINDICATORSELL": _ORDERS,
}
"""By column and value, short enough for half a line."""


def caption_of(column: str) -> str:
    """A column that is not known is called by its own name."""
    return CAPTIONS.get(column, column)


def meaning_of(column: str, value: str) -> str:
    """What `value` stands for in that column; `value` itself where nobody has said."""
    return VALUES.get(column, {}).get(value, value)
