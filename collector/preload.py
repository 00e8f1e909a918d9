"""What the fork server does before it forks anything, so that every worker shares it instead of doing it again."""

import gc

from collector import worker
from collector.dialing import tls_context

__all__ = ["worker"]

tls_context()  # the system's authorities: 5 MB and 30 ms
gc.freeze()  # what is loaded is no garbage: a collection would look at all of it, and by that unshare its pages
