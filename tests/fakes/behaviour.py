"""How the tests' gateway treats what comes next: one field is one switch of a drill."""

from typing import Literal

import msgspec


class Behaviour(msgspec.Struct, kw_only=True):
    """The defaults are an exchange in good health. A change concerns only what arrives after it.

    rest         "list" answers ISS requests, "error" with status 503, "hold" never
    upgrade      "accept" upgrades to WebSocket, "hold" never answers the request, "refuse" with status 503
    greeting     "connected" answers CONNECT, "refuse" with ERROR, "none" never (pongs go on), "freeze" stops reading
    closes_after_refusal  whether a refused login also loses its connection
    refused_tickers       SECIDs answered with ERROR
    unconfirmed_tickers   SECIDs that get their data, but no RECEIPT
    packing      "mixed" uses every legal way to put STOMP frames into WebSocket messages, "plain" one frame a message
    """

    rest: Literal["list", "error", "hold"] = "list"
    upgrade: Literal["accept", "hold", "refuse"] = "accept"
    greeting: Literal["connected", "refuse", "none", "freeze"] = "connected"
    closes_after_refusal: bool = False
    refused_tickers: frozenset[str] = frozenset()
    unconfirmed_tickers: frozenset[str] = frozenset()
    packing: Literal["mixed", "plain"] = "mixed"
