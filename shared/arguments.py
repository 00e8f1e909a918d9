"""The command line: its commands, their options and their help. What it says becomes one layer of options."""

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
a running program, from another terminal of the same machine:
  python run.py attach                     its screen; q and Ctrl+C only leave it
  python run.py attach --once --format table|json|csv, attach --follow
                                           its state once, or every change as a line of JSON, for pipes
  python run.py health                     exit code 0 or 1, and one line why
  attach --help and health --help tell more.

environment and .env:
  MOEX_DOMAIN, MOEX_LOGIN, MOEX_PASSCODE   login of the gateway (default: the public DEMO / guest / guest)
  MOEX_URL, MOEX_ISS_URL                   the same as --url and --iss-url

An argument wins over the environment, that over .env, that over config.toml, that over the built-in default.
Ctrl+C or q stops. Exit codes: 0 stopped as asked, 2 bad usage or configuration, 70 failure that could not be healed,
73 another program has the socket that was named (--socket) or that systemd gave.
"""
ATTACH_EPILOG = """\
Up to 256 may look at once, and change nothing: q, Ctrl+C or a kill ends the viewer alone.
--once prints and ends. --follow prints what is known of each ticker, and then each again when it has changed, one JSON
object a line, until it is interrupted or its reader is gone. What is unknown is empty in csv and null in json.

Exit codes: 0 left as asked, 2 bad usage or configuration, 69 no running program, or it has ended, 70 own failure.
"""
HEALTH_EPILOG = """\
Unhealthy, with one line why: not running, no answer, no connection online, login refused, no report from a worker,
or no data for longer than --max-age while the exchange trades.

Exit codes: 0 healthy, 1 unhealthy, or wrong arguments. A wrong config.toml is told, and is no fault of the program.
"""
FORMATS = ("table", "json", "csv")


class Spoken(NamedTuple):
    """What the command line says; `config` and `env_file` are the files to read in place of the usual ones."""

    layer: Layer
    config: Path | None
    env_file: Path | None


class Viewing(NamedTuple):
    """What is asked of a running program: "attach" or "health"; `output` is one of FORMATS.

    `unread` says why config.toml is left out of account; None: it is not.
    """

    command: str
    is_once: bool = False
    is_following: bool = False
    output: str = "table"
    unread: str | None = None


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
    _Flag("--log-format", Option("log", "format"), "text|json", "lines for people, or a JSON object on each line"),
    _Flag("--socket", Option("service", "socket"), "PATH|auto|none", "by which attach and health find the program"),
)
_MAX_AGE = _Flag(
    "--max-age",
    Option("service", "health_max_age_s"),
    "SECONDS",
    "how old the newest data may be while the exchange trades",
    _number,
)
_FLAGS_OF_A_VIEWER = {
    "attach": tuple(flag for flag in _FLAGS if flag.name in ("--socket", "--theme")),
    "health": (*(flag for flag in _FLAGS if flag.name == "--socket"), _MAX_AGE),
}
_SIMULATE = Option("run", "simulate")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


_STYLE: dict[str, Any] = {
    "formatter_class": _HelpFormatter,
    "argument_default": argparse.SUPPRESS,
    "allow_abbrev": False,
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message.removeprefix('argument ')} (--help shows what is allowed)")


def parse_arguments(arguments: Sequence[str], defaults: Mapping[Option, object]) -> Spoken:
    """Read the command line, without the program's name; `defaults` are told by --help.

    Raises ConfigError, and SystemExit(0) after --help and --version have printed.
    """
    others = ("--simulate", "--config", "--env-file", "--version", "--help")
    said = _said(_parser(defaults), arguments, _FLAGS, others)
    layer = _layer(_FLAGS, said)
    if "--simulate" in said:
        layer[_SIMULATE] = _given(said["--simulate"], "--simulate")
    return Spoken(layer, said.get("--config"), said.get("--env-file"))


def is_for_a_running_program(arguments: Sequence[str]) -> bool:
    """Whether these arguments are those of a viewer: its command comes first."""
    return bool(arguments) and arguments[0] in _FLAGS_OF_A_VIEWER


def parse_viewing(arguments: Sequence[str], defaults: Mapping[Option, object]) -> tuple[Spoken, Viewing]:
    """The same as `parse_arguments` for arguments that are for a running program."""
    command = arguments[0]
    flags = _FLAGS_OF_A_VIEWER[command]
    others = (*(("--once", "--follow", "--format") if command == "attach" else ()), "--config", "--help")
    said = _said(_viewing_parser(command, flags, defaults), arguments[1:], flags, others)
    output = said.get("--format", FORMATS[0])
    if output not in FORMATS:
        raise ConfigError(f"--format: must be one of {', '.join(FORMATS)}, not {shown(output)}")
    viewing = Viewing(command, "--once" in said, "--follow" in said, output)
    if viewing.is_once and viewing.is_following:
        raise ConfigError("--once: contradicts --follow, must be one or the other")
    if "--format" in said and not viewing.is_once:
        raise ConfigError("--format: is only allowed together with --once")
    return Spoken(_layer(flags, said), said.get("--config"), None), viewing


def _said(
    parser: argparse.ArgumentParser, arguments: Sequence[str], flags: Sequence[_Flag], others: Sequence[str]
) -> dict[str, Any]:
    namespace, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise _unknown_argument(unknown[0], [*(flag.name for flag in flags), *others])
    return vars(namespace)


def _layer(flags: Sequence[_Flag], said: Mapping[str, Any]) -> Layer:
    return {flag.option: _given(said[flag.name], flag.name) for flag in flags if flag.name in said}


def _given(value: object, name: str) -> Given:
    return Given(value, name, Source.ARGUMENT)


def _parser(defaults: Mapping[Option, object]) -> argparse.ArgumentParser:
    usage = "python run.py [options]\n       python run.py attach [options]\n       python run.py health [options]"
    parser = _Parser(usage=usage, description=DESCRIPTION, epilog=EPILOG, **_STYLE)
    _add_flags(parser, _FLAGS, defaults)
    parser.add_argument(
        "--simulate",
        dest="--simulate",
        action=argparse.BooleanOptionalAction,
        help="show the built-in exchange on this machine; needs no account and no network",
    )
    _add_config(parser)
    parser.add_argument(
        "--env-file", dest="--env-file", metavar="FILE", type=Path, help="read this in place of .env beside run.py"
    )
    parser.add_argument("--version", action="version", version=f"moex-monitor {__version__}", help="print the version")
    return parser


def _viewing_parser(command: str, flags: Sequence[_Flag], defaults: Mapping[Option, object]) -> argparse.ArgumentParser:
    is_attach = command == "attach"
    parser = _Parser(
        usage=f"python run.py {command} [options]",
        description="Look at the running program." if is_attach else "Tell whether the running program is healthy.",
        epilog=ATTACH_EPILOG if is_attach else HEALTH_EPILOG,
        **_STYLE,
    )
    if is_attach:
        for name, text in (("--once", "print the state of now"), ("--follow", "print quotes as they change")):
            parser.add_argument(name, dest=name, action="store_true", help=f"{text}, without a screen")
        text = "how --once prints (default: table)"
        parser.add_argument("--format", dest="--format", metavar="|".join(FORMATS), help=text)
    _add_flags(parser, flags, defaults)
    _add_config(parser)
    return parser


def _add_flags(parser: argparse.ArgumentParser, flags: Sequence[_Flag], defaults: Mapping[Option, object]) -> None:
    for flag in flags:
        text = f"{flag.meaning} (default: {_shown_default(defaults[flag.option])})"
        parser.add_argument(flag.name, dest=flag.name, metavar=flag.metavar, type=flag.read, help=text)


def _add_config(parser: argparse.ArgumentParser) -> None:
    text = "read this in place of config.toml beside run.py"
    parser.add_argument("--config", dest="--config", metavar="FILE", type=Path, help=text)


def _shown_default(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _unknown_argument(argument: str, known: Sequence[str]) -> ConfigError:
    """Never repeats what follows "=": it may be a passcode."""
    name = argument.partition("=")[0]
    if name in _FLAGS_OF_A_VIEWER:
        return ConfigError(f"{name}: must be the first argument")
    if not name.startswith("--"):
        return ConfigError(f"{shown(name[:2] if name.startswith('-') else name)}: unknown argument; see --help")
    if name.lstrip("-") in PERSONAL:
        return ConfigError(f"{name}: is not allowed as an argument: credentials {PERSONAL_HINT}")
    return ConfigError(f"unknown argument {shown(name)}, {nearest(name, known, 'allowed')}")
