"""The whole program, as the tests of tests/process start it."""

from tests.process.conftest import start

__all__ = ["start"]
