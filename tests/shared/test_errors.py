import inspect
import pickle

import pytest

from shared import errors
from shared.errors import BootError, ConfigError, ConnectionFailed, InstrumentsError, MonitorError, ProtocolError

EXCEPTIONS = [one for _, one in inspect.getmembers(errors, inspect.isclass)]


def test_one_except_catches_all_that_this_program_raises() -> None:
    assert all(issubclass(one, MonitorError) for one in EXCEPTIONS)
    assert not issubclass(MonitorError, (OSError, ValueError))


def test_a_broken_protocol_is_one_way_for_a_connection_to_fail() -> None:
    assert issubclass(ProtocolError, ConnectionFailed)
    assert not issubclass(ConnectionFailed, (ConfigError, BootError, InstrumentsError))


def test_the_drawn_tree_names_every_exception() -> None:
    tree = errors.__doc__ or ""
    assert [one.__name__ for one in EXCEPTIONS if one.__name__ not in tree] == []


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_the_reason_crosses_a_process_border(kind: type[MonitorError]) -> None:
    twin = pickle.loads(pickle.dumps(kind("gateway closed the connection")))
    assert type(twin) is kind
    assert str(twin) == "gateway closed the connection"
