"""What all tests share."""

import signal

import pytest
from hypothesis import settings

# Where tests share what they assert, a failure is to show both sides as well.
pytest.register_assert_rewrite("tests.drills.drill")

# A shell in the background, or nohup, may have these ignored, and the programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(ignored, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="drills in full length, properties by thousands of examples")
    parser.addoption("--plot", help="file for the picture of the soak, SVG")


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile("short", deadline=None)  # how long an example takes says more of the machine
    settings.register_profile("long", settings.get_profile("short"), max_examples=5_000)
    settings.load_profile("long" if config.getoption("--long") else "short")
    # The schema of the newer report has no place for properties of a test: they are written to it all the same.
    config.addinivalue_line("filterwarnings", "ignore:record_property is incompatible:pytest.PytestWarning")
