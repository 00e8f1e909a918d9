"""The fences of the design: who may import whom, and that every module has its test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PACKAGES = ("collector", "display", "shared", "simulator")
BENCH = sorted((CHECKOUT / "bench").glob("*.py"))

NEVER_IMPORTS = {
    "collector": {"display", "simulator", "tests", "run"},
    "display": {"collector", "simulator", "tests", "run"},
    "simulator": {"collector", "display", "tests", "run"},
    "shared": {"collector", "display", "simulator", "tests", "run"},
}

ONLY_IN = {
    "stomp": "collector/stomp_socket.py",
    "websocket": "collector/stomp_socket.py",
    "blessed": "display/screen.py",
    "prometheus_client": "collector/metrics.py",
    "requests": "collector/iss.py",
    "dotenv": "shared/sources.py",
}
"""A foreign library and the one module that touches it."""

IMPURE = {
    "socket",
    "select",
    "threading",
    "queue",
    "multiprocessing",
    "time",
    "subprocess",
    "signal",
    "asyncio",
    "termios",
}
PURE = (
    "collector/bodies.py",
    "collector/budget.py",
    "collector/delay.py",
    "collector/framing.py",
    "collector/intake.py",
    "collector/issplus.py",
    "collector/lifecycle.py",
    "collector/probing.py",
    "collector/rereading.py",
    "collector/sharding.py",
    "collector/stamps.py",
    "collector/telling.py",
    "collector/trading_calendar.py",
    "display/board.py",
    "display/canvas.py",
    "display/characters.py",
    "display/export.py",
    "display/keys.py",
    "display/now.py",
    "display/plain.py",
    "display/sequences.py",
    "display/themes.py",
    "display/troubles.py",
    *(path.relative_to(CHECKOUT).as_posix() for path in sorted((CHECKOUT / "display/views").glob("*.py"))),
    "shared/book.py",
    "shared/figures.py",
    "shared/losses.py",
    "shared/handshake.py",
    "shared/health.py",
    "shared/market.py",
    "shared/printable.py",
    "shared/quotes.py",
    "shared/session.py",
    "shared/silences.py",
    "shared/wire.py",
    "simulator/book.py",
    "simulator/market.py",
    "simulator/stomp.py",
)

WITHOUT_LOGIC = {"__init__.py", "__main__.py"}


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.partition(".")[0]


def name_of(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_sides_of_the_program_do_not_know_each_other(package: str) -> None:
    offenders = {
        name_of(path): found
        for path in modules()
        if name_of(path).startswith(f"{package}/") and (found := NEVER_IMPORTS[package] & set(imports_of(path)))
    }
    assert offenders == {}


@pytest.mark.parametrize(("library", "home"), sorted(ONLY_IN.items()))
def test_one_module_touches_one_foreign_library(library: str, home: str) -> None:
    assert [name_of(path) for path in modules() if library in imports_of(path)] == [home]


def test_websockets_is_for_the_built_in_exchange_alone() -> None:
    users = {name_of(path) for path in modules() if "websockets" in imports_of(path)}
    assert users
    assert all(user.startswith("simulator/") for user in users)


@pytest.mark.parametrize("name", PURE)
def test_what_decides_touches_no_socket_thread_queue_or_clock(name: str) -> None:
    assert IMPURE & set(imports_of(CHECKOUT / name)) == set()


def test_what_measures_the_program_knows_it_only_from_outside() -> None:
    program = {*PACKAGES, "run", "tests"}
    assert {name_of(path): found for path in BENCH if (found := program & set(imports_of(path)))} == {}


def test_every_module_has_its_test() -> None:
    missing = []
    for path in [*modules(), *BENCH]:
        name = path.relative_to(CHECKOUT)
        mirrored = CHECKOUT / "tests" / name.parent / f"test_{name.name}"
        of_its_package = CHECKOUT / "tests" / name.parent.parent / f"test_{name.parent.name}.py"
        if name.name not in WITHOUT_LOGIC and not mirrored.exists() and not of_its_package.exists():
            missing.append(name.as_posix())
    assert missing == []
