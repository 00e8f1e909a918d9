"""What config.toml, .env and the environment say, each as a layer of options whose values are not checked yet."""

import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from shared.errors import ConfigError
from shared.options import Given, Layer, Option, Source, nearest, shown

VARIABLES: Mapping[str, Option] = {
    "MOEX_DOMAIN": Option("credentials", "domain"),
    "MOEX_LOGIN": Option("credentials", "login"),
    "MOEX_PASSCODE": Option("credentials", "passcode"),
    "MOEX_URL": Option("exchange", "url"),
    "MOEX_ISS_URL": Option("exchange", "iss_url"),
}
PERSONAL = ("credentials", "passcode", "password", "login", "domain")
PERSONAL_HINT = "come only from MOEX_DOMAIN, MOEX_LOGIN, MOEX_PASSCODE in the environment or .env"
TYPO_LIKENESS = 0.84
ANYTHING_FOR_OTHERS = 0o077


def config_layer(path: Path, options: Iterable[Option]) -> Layer:
    """The options that a config.toml sets. ConfigError names the first section or key that is not in `options`."""
    try:
        document = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{shown_path(path)}: is no valid TOML: {_one_line(error)}") from None
    known = set(options)
    layer: Layer = {}
    for section, table in document.items():
        _ensure_section(path, section, table, known)
        for key, value in table.items():
            option = Option(section, key)
            if option not in known:
                raise _unknown_key(path, option, known)
            layer[option] = Given(value, f"{shown_path(path)}: {option}", Source.CONFIG_FILE)
    return layer


def env_file_layer(path: Path) -> Layer:
    """The options that a .env sets; other programs' variables are left alone, misspelt ones of ours are a ConfigError.

    Nothing is expanded: a passcode may hold a dollar sign.
    """
    text = _text(path)
    _ensure_assignments(path, text)
    variables = dotenv_values(stream=StringIO(text), interpolate=False)
    for name in variables:
        if name not in VARIABLES and (like := get_close_matches(name.upper(), VARIABLES, 1, TYPO_LIKENESS)):
            raise ConfigError(f"{shown_path(path)}: unknown variable {shown(name)}, did you mean {like[0]}?")
    return _variables_layer(variables, lambda name: f"{shown_path(path)}: {name}", Source.ENV_FILE)


def is_open_to_others(path: Path) -> bool:
    """Whether users other than its owner may read or write a file; False for what is no file."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & ANYTHING_FOR_OTHERS)


def environment_layer(environment: Mapping[str, str]) -> Layer:
    """The options that the environment sets."""
    return _variables_layer(environment, lambda name: f"environment: {name}", Source.ENVIRONMENT)


def shown_path(path: Path) -> str:
    """A path for a message of one line."""
    text = str(path)
    return text if text.isprintable() else shown(text)


def _variables_layer(variables: Mapping[str, str | None], origin: Callable[[str], str], source: Source) -> Layer:
    """A variable that is empty counts as not set."""
    said = {name: variables.get(name) for name in VARIABLES}
    return {VARIABLES[name]: Given(value, origin(name), source) for name, value in said.items() if value}


def _text(path: Path) -> str:
    """The text of a file, without a byte order mark."""
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shown_path(path)}: is not UTF-8 at byte {error.start}, must be a text in UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no usable name of a file"
        raise ConfigError(f"{shown_path(path)}: cannot be read: {reason.lower()}") from None


def _ensure_assignments(path: Path, text: str) -> None:
    """The library only logs a line that it cannot read; blank lines before it count as part of it."""
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            statement = binding.original.string
            blank_lines = statement[: len(statement) - len(statement.lstrip())].count("\n")
            line = binding.original.line + blank_lines
            raise ConfigError(f"{shown_path(path)}: line {line}: must look like NAME=value")


def _ensure_section(path: Path, section: str, table: Any, known: set[Option]) -> None:
    sections = list(dict.fromkeys(option.section for option in sorted(known)))
    if section in PERSONAL:
        raise ConfigError(f"{shown_path(path)}: {section} is not allowed here: credentials {PERSONAL_HINT}")
    if section not in sections:
        homes = [option for option in sorted(known) if option.key == section]
        hint = f"it belongs to [{homes[0].section}]" if homes else nearest(section, sections, "allowed")
        what = "section" if isinstance(table, dict) else "key"
        raise ConfigError(f"{shown_path(path)}: unknown {what} {shown(section)}, {hint}")
    if not isinstance(table, dict):
        raise ConfigError(f"{shown_path(path)}: {section} must be a section, written [{section}]")


def _unknown_key(path: Path, option: Option, known: set[Option]) -> ConfigError:
    origin = f"{shown_path(path)}: [{option.section}]"
    if option.key in PERSONAL:
        return ConfigError(f"{origin}: {option.key} is not allowed here: credentials {PERSONAL_HINT}")
    homes = [other.section for other in sorted(known) if other.key == option.key]
    keys = [other.key for other in sorted(known) if other.section == option.section]
    hint = f"it belongs to [{homes[0]}]" if homes else nearest(option.key, keys, "allowed")
    return ConfigError(f"{origin}: unknown key {shown(option.key)}, {hint}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
