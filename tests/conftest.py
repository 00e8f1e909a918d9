"""What all tests share."""

import signal

# A shell starts what runs in its background with SIGINT ignored, and the programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
