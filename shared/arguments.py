"""The command line: its options and its help. What it says becomes one layer of options."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from shared import __version__
from shared.errors import ConfigError
from shared.options import Given, Layer, Option, Source, nearest, shown
from shared.sources import PERSONAL, PERSONAL_HINT

DESCRIPTION = "Live monitor of the Moscow Exchange: every quote with its age, every connection with its state."
EPILOG = """\
environment and .env:
  MOEX_DOMAIN, MOEX_LOGIN, MOEX_PASSCODE   login of the gateway (default: the public DEMO / guest / guest)
  MOEX_URL, MOEX_ISS_URL                   the same as --url and --iss-url

An argument wins over the environment, that over .env, that over config.toml, that over the built-in default.
Ctrl+C or q stops. Exit codes: 0 stopped as asked, 2 bad usage or configuration, 70 failure that could not be healed.
"""


class Spoken(NamedTuple):
    """What the command line says; `config` and `env_file` are the files to read in place of the usual ones."""

    layer: Layer
    config: Path | None
    env_file: Path | None


def _number(text: str) -> object:
    """The number that `text` is, or `text` itself, for the check that tells what is allowed."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")] if text.strip() else []


class _Flag(NamedTuple):
    name: str
    option: Option
    metavar: str
    meaning: str
    read: Callable[[str], object] = str


_FLAGS = (
    _Flag("--workers", Option("collector", "workers"), "N", "worker processes", _number),
    _Flag("--connections", Option("collector", "connections"), "N", "WebSocket connections of all workers", _number),
    _Flag(
        "--tickers-per-connection",
        Option("collector", "tickers_per_connection"),
        "N",
        "tickers that each connection subscribes to",
        _number,
    ),
    _Flag(
        "--selection",
        Option("instruments", "selection"),
        "random|unique",
        "random: each connection draws its tickers anew; unique: each ticker goes to one connection",
    ),
    _Flag("--seed", Option("instruments", "seed"), "N", "makes the selection repeatable", _number),
    _Flag("--url", Option("exchange", "url"), "WS", "gateway; ws:// only to this machine"),
    _Flag("--iss-url", Option("exchange", "iss_url"), "HTTP", "root of the ISS REST pages, ends in /iss"),
    _Flag("--streams", Option("exchange", "streams"), "LIST", "orderbooks, securities, candles, by comma", _names),
    _Flag(
        "--display",
        Option("display", "mode"),
        "auto|screen|plain|none",
        "table on the screen, status lines, or nothing; auto: the table where there is a terminal",
    ),
    _Flag(
        "--theme",
        Option("display", "theme"),
        "dark|light|colorblind|mono",
        "colours of the table; NO_COLOR in the environment means mono",
    ),
    _Flag("--duration", Option("run", "duration_s"), "SECONDS", "stop by itself after that time", _number),
    _Flag("--summary", Option("run", "summary"), "FILE", "write the final figures there as JSON"),
    _Flag("--log-file", Option("log", "file"), "FILE", "write the log there"),
    _Flag("--log-level", Option("log", "level"), "debug|info|warning|error", "what is worth a log line"),
)
_SIMULATE = Option("run", "simulate")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message.removeprefix('argument ')} (--help shows what is allowed)")


def parse_arguments(arguments: Sequence[str], defaults: Mapping[Option, object]) -> Spoken:
    """Read the command line, without the program's name; `defaults` are told by --help.

    Raises ConfigError, and SystemExit(0) after --help and --version have printed.
    """
    namespace, unknown = _parser(defaults).parse_known_args(arguments)
    if unknown:
        raise _unknown_argument(unknown[0])
    said: dict[str, Any] = vars(namespace)
    layer = {flag.option: _given(said[flag.name], flag.name) for flag in _FLAGS if flag.name in said}
    if "--simulate" in said:
        layer[_SIMULATE] = _given(said["--simulate"], "--simulate")
    return Spoken(layer, said.get("--config"), said.get("--env-file"))


def _given(value: object, name: str) -> Given:
    return Given(value, name, Source.ARGUMENT)


def _parser(defaults: Mapping[Option, object]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="run.py",
        usage="python run.py [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=_HelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for flag in _FLAGS:
        text = f"{flag.meaning} (default: {_shown_default(defaults[flag.option])})"
        parser.add_argument(flag.name, dest=flag.name, metavar=flag.metavar, type=flag.read, help=text)
    parser.add_argument(
        "--simulate",
        dest="--simulate",
        action=argparse.BooleanOptionalAction,
        help="show the built-in exchange on this machine; needs no account and no network",
    )
    parser.add_argument(
        "--config", dest="--config", metavar="FILE", type=Path, help="read this in place of config.toml beside run.py"
    )
    parser.add_argument(
        "--env-file", dest="--env-file", metavar="FILE", type=Path, help="read this in place of .env beside run.py"
    )
    parser.add_argument("--version", action="version", version=f"moex-monitor {__version__}", help="print the version")
    return parser


def _shown_default(value: object) -> str:
    if value is None:
        return "none"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _unknown_argument(argument: str) -> ConfigError:
    """Never repeats what follows "=": it may be a passcode."""
    name = argument.partition("=")[0]
    if not name.startswith("--"):
        return ConfigError(f"{shown(name[:2] if name.startswith('-') else name)}: unknown argument; see --help")
    if name.lstrip("-") in PERSONAL:
        return ConfigError(f"{name}: is not allowed as an argument: credentials {PERSONAL_HINT}")
    known = [*(flag.name for flag in _FLAGS), "--simulate", "--config", "--env-file", "--version", "--help"]
    return ConfigError(f"unknown argument {shown(name)}, {nearest(name, known, 'allowed')}")
