"""`python -m simulator`: the built-in exchange alone. Exit code 0 when stopped by SIGINT or SIGTERM, 2 on bad usage."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from shared.settings import SimulatorSettings
from shared.shipped_list import shipped_secids
from simulator.app import serve_until_signal
from simulator.faults import REFUSALS, Faults, Silence
from simulator.server import gateway_url, iss_url, listen

DEFAULT_PORT = 8765
HIGHEST_RATE = 100_000
_HIGHEST_PORT = 65_535
_USAGE_ERROR = 2


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line and exits with 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE_ERROR, f"{self.prog}: {message}\n")


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m simulator", description="The built-in exchange on 127.0.0.1.")
    parser.add_argument("--port", type=_whole(0, _HIGHEST_PORT), default=DEFAULT_PORT, help="0 picks a free one")
    rate = "MESSAGE frames a second over all subscriptions, at most (default %(default)s)"
    parser.add_argument("--rate", type=_whole(1, HIGHEST_RATE), default=SimulatorSettings().rate, help=rate)
    parser.add_argument("--seed", type=_whole(0, 2**63), help="the same seed gives the same market")
    parser.add_argument("--session", choices=("open", "closed"), default="open")
    faults = parser.add_argument_group("faults on demand")
    faults.add_argument("--refuse-login", action="store_true")
    faults.add_argument("--refuse-ticker", metavar="SECID", type=_secid, action="append", default=[])
    faults.add_argument("--refusal", choices=REFUSALS, default=Faults().refusal, help="what such an ERROR says")
    faults.add_argument(
        "--close-on-refusal", action="store_true", help="close the connection that was refused a ticker"
    )
    faults.add_argument("--cut-every", metavar="SECONDS", type=_positive, help="cut one connection that often")
    faults.add_argument("--silent", choices=[each.value for each in Silence], default=Silence.NONE.value)
    faults.add_argument("--silent-after", metavar="SECONDS", type=_positive, default=0.0)
    faults.add_argument(
        "--junk", metavar="SHARE", type=_share, default=0.0, help="0 to 1: of messages with junk before"
    )
    faults.add_argument("--reframe", action="store_true", help="split and join frames at random")
    return parser


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def _positive(text: str) -> float:
    number = _number(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def _share(text: str) -> float:
    number = _number(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _secid(text: str) -> str:
    if text not in shipped_secids():
        raise argparse.ArgumentTypeError(f"{text!r} is not traded here")
    return text


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM; the exit code."""
    parser = build_parser()
    chosen = parser.parse_args(arguments)
    try:
        listener = listen(chosen.port)
    except OSError as error:
        parser.error(f"port {chosen.port} on 127.0.0.1: {error.strerror}")
    settings = SimulatorSettings(rate=chosen.rate, seed=chosen.seed, session=chosen.session)
    line = f"listening on {gateway_url(listener)} and {iss_url(listener)}"
    stopping = (signal.SIGINT, signal.SIGTERM)
    serve_until_signal(listener, settings, _faults(chosen), stopping, lambda: print(line, flush=True))
    return 0


def _faults(chosen: argparse.Namespace) -> Faults:
    return Faults(
        refuses_login=chosen.refuse_login,
        refused_tickers=frozenset(chosen.refuse_ticker),
        refusal=chosen.refusal,
        closes_on_refusal=chosen.close_on_refusal,
        silence=Silence(chosen.silent),
        silent_after_s=chosen.silent_after,
        cut_every_s=chosen.cut_every,
        junk_share=chosen.junk,
        reframes=chosen.reframe,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
