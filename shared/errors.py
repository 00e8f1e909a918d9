"""Every exception that this program raises on purpose.

MonitorError
├── ConfigError          bad usage or configuration: one line for the person, exit code 2
├── BootError            the program cannot be brought up or kept up: exit code 70
├── AlreadyRunning       another program has the socket that this one was to have: exit code 73
├── NoService            there is no running program that a viewer could look at: exit code 69
├── InstrumentsError     one source of the list of instruments gave nothing usable
├── IssError             ISS gave no page, or none that says what was asked for
└── ConnectionFailed     one attempt at one connection is over; str() is the reason a person reads
    └── ProtocolError    because the peer sent bytes that no further frame can be read after
"""


class MonitorError(Exception):
    """Base of all exceptions of this program."""


class ConfigError(MonitorError):
    """Usage or configuration is wrong; str() is one line: file, key, what is wrong, what is allowed."""


class BootError(MonitorError):
    """The program cannot start, or could not be healed; str() is one line."""


class AlreadyRunning(MonitorError):
    """Another program is running in this one's place; str() is one line that says which."""


class NoService(MonitorError):
    """No running program, or none that answers or can be understood; str() is one line."""


class InstrumentsError(MonitorError):
    """A source of the list of instruments failed; str() is the reason."""


class IssError(MonitorError):
    """ISS gave nothing usable; str() is the reason, free of control characters."""


class ConnectionFailed(MonitorError):
    """A connection could not be opened, or is lost; str() is the reason, free of control characters."""


class ProtocolError(ConnectionFailed):
    """The peer sent bytes after which no further frame can be found."""
