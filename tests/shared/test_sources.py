import os
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.options import Given, Option, Source
from shared.sources import config_layer, env_file_layer, environment_layer, is_open_to_others, shown_path

WORKERS, ROWS, PASSCODE = Option("collector", "workers"), Option("display", "rows"), Option("credentials", "passcode")
KNOWN = (WORKERS, Option("collector", "connections"), ROWS)


def written(folder: Path, text: str | bytes, name: str = "config.toml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_config_toml_gives_each_key_with_its_file_and_section(tmp_path: Path) -> None:
    path = written(tmp_path, "[collector]\nworkers = 3\n[display]\n")
    assert config_layer(path, KNOWN) == {WORKERS: Given(3, f"{path}: [collector] workers", Source.CONFIG_FILE)}


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert config_layer(written(tmp_path, "\ufeff[display]\nrows = 3\n"), KNOWN)[ROWS].value == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[colector]\n", "unknown section 'colector', did you mean collector?"),
        ("[zzz]\n", "unknown section 'zzz', allowed: collector, display"),
        ("[collector]\nwokers = 3\n", "[collector]: unknown key 'wokers', did you mean workers?"),
        ("[collector]\nzzz = 3\n", "[collector]: unknown key 'zzz', allowed: connections, workers"),
        ("[display]\nworkers = 3\n", "[display]: unknown key 'workers', it belongs to [collector]"),
        ("workers = 3\n", "unknown key 'workers', it belongs to [collector]"),
        ("collector = 3\n", "collector must be a section, written [collector]"),
        ("[[collector]]\n", "collector must be a section, written [collector]"),
        ('["a\\u001b\\nb"]\n', r"unknown section 'a\x1b\nb'"),
        ("[collector]\nworkers = \n", "is no valid TOML: Invalid value (at line 2, column 11)"),
        ("[collector\n", "is no valid TOML: Expected ']' at the end of a table declaration (at line 1, column 11)"),
        (b"[display]\n\xff = 3\n", "is not UTF-8 at byte 10"),
    ],
)
def test_a_wrong_config_toml_is_told_in_one_line(tmp_path: Path, text: str | bytes, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        config_layer(path, KNOWN)
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '[credentials]\npasscode = "hunter2"\n',
        '[exchange]\npasscode = "hunter2"\n',
        'passcode = "hunter2"\n',
        "[exchange]\npasscode = hunter2\n",
        '[exchange]\npassword = "hunter2"\n',
    ],
)
def test_a_passcode_in_config_toml_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_layer(written(tmp_path, text), (*KNOWN, Option("exchange", "url")))
    assert "hunter2" not in str(caught.value)
    assert "TOML" in str(caught.value) or "MOEX_PASSCODE in the environment or .env" in str(caught.value)


def test_a_file_that_cannot_be_read_is_told_with_its_reason(tmp_path: Path) -> None:
    for path, told in (
        (tmp_path / "missing", "no such file or directory"),
        (tmp_path, "is a directory"),
        (tmp_path / "a\0b", "no usable name of a file"),
    ):
        with pytest.raises(ConfigError, match=f"cannot be read: {told}"):
            config_layer(path, KNOWN)
        with pytest.raises(ConfigError, match=f"cannot be read: {told}"):
            env_file_layer(path)


def test_env_gives_our_variables_and_leaves_others_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "# mine\nexport MOEX_PASSCODE='a#b $HOME ${X}'\nTZ=UTC\nMOEX_LOGIN=\nMOEX_URL\n", ".env")
    assert env_file_layer(path) == {PASSCODE: Given("a#b $HOME ${X}", f"{path}: MOEX_PASSCODE", Source.ENV_FILE)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("MOEX_PASCODE=hunter2\n", "unknown variable 'MOEX_PASCODE', did you mean MOEX_PASSCODE?"),
        ("moex_passcode=hunter2\n", "unknown variable 'moex_passcode', did you mean MOEX_PASSCODE?"),
        ("MOEX_PASSWORD=hunter2\n", "unknown variable 'MOEX_PASSWORD', did you mean MOEX_PASSCODE?"),
        ("\nMOEX_PASSCODE='hunter2\n", "line 2: must look like NAME=value"),
        (b"MOEX_PASSCODE=hunter2\xff\n", "is not UTF-8"),
    ],
)
def test_a_wrong_env_is_told_in_one_line_without_its_values(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        env_file_layer(written(tmp_path, text, ".env"))
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert environment_layer({"MOEX_PASSCODE": "", "HOME": "/x"}) == {}


def test_the_environment_tells_which_variable_a_value_came_from() -> None:
    layer = environment_layer({"MOEX_URL": "wss://x"})
    assert layer == {
        Option("exchange", "url"): Given("wss://x", "environment: MOEX_URL", Source.ENVIRONMENT),
    }


def test_a_path_with_control_characters_is_shown_without_them() -> None:
    assert shown_path(Path("/a b/c")) == "/a b/c"
    assert shown_path(Path("/a\n\x1b")) == r"'/a\n\x1b'"


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_may_read_is_open_to_them(tmp_path: Path, mode: int, is_open: bool) -> None:
    path = written(tmp_path, "")
    path.chmod(mode)
    assert is_open_to_others(path) is is_open


def test_what_is_no_file_or_not_there_is_open_to_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o666)
    assert not is_open_to_others(tmp_path / "pipe")
    assert not is_open_to_others(tmp_path / "missing")
