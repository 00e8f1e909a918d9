"""What the columns of the securities stream are called, and what their letters mean. Pure.

The words are the exchange's own: it sends them, in English and in Russian, when a connection is greeted.
"""

from collections.abc import Mapping

CAPTIONS: Mapping[str, str] = {
    "CHANGE": "Last to Closing change",
    "HIGH": "Maximum",
    "LOW": "Minimum",
    "VOLTODAY": "Today volume",
    "VALTODAY": "Today value",
    "NUMTRADES": "Trades today",
    "TIME": "Time of the last",
    "QTY": "Lots in the last",
    "VALUE": "Value of the last",
    "WAPRICE": "WA",
    "PREVPRICE": "Last closing price",
    "TRADINGSTATUS": "Trading status",
    "BIDDEPTHT": "Total bid depth",
    "OFFERDEPTHT": "Total offer depth",
    "HIGHBID": "Highest bid today",
    "LOWOFFER": "Lowest offer today",
    "LCURRENTPRICE": "Current price",
    "LCLOSEPRICE": "Closing price",
    "PREVWAPRICE": "Previous WA price",
    "PRICEMINUSPREVWAPRICE": "Last price to previous WA price",
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
    "LAST": "Last",
    "BID": "Bid",
    "OFFER": "Offer",
    "TICKER": "Ticker",
    "CAPTION": "Security",
}
"""By column, what a person looks for first at the top, and what a detail pane shows anyhow at the end."""

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
