"""What the fork server does before it forks anything, so that every worker shares it instead of doing it again."""

from collector import worker
from collector.dialing import tls_context

__all__ = ["worker"]

tls_context()  # the system's authorities: 5 MB and 30 ms
