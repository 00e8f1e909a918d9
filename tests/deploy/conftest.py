"""The whole program, as the tests of tests/process start it."""

from tests.process.conftest import gateway, start

__all__ = ["gateway", "start"]
