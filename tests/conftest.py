"""What all tests share."""

import signal

import pytest

# A shell starts what runs in its background with SIGINT ignored, and the programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the drills in their long form, an hour and more")
    parser.addoption("--plot", help="file for the picture of the soak, SVG")
