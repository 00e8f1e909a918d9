"""What all tests share."""

import signal

import pytest

# Where tests share what they assert, a failure is to show both sides as well.
pytest.register_assert_rewrite("tests.drills.drill")

# A shell in the background, or nohup, may have these ignored, and the programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(ignored, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the drills in their long form, an hour and more")
    parser.addoption("--plot", help="file for the picture of the soak, SVG")


def pytest_configure(config: pytest.Config) -> None:
    # The schema of the newer report has no place for properties of a test: they are written to it all the same.
    config.addinivalue_line("filterwarnings", "ignore:record_property is incompatible:pytest.PytestWarning")
