"""What is fuzzed: each target takes any bytes, and fails when the program does what it must not."""

from collections.abc import Callable

from tests.drills.fuzz.bodies import read_body
from tests.drills.fuzz.connecting import connection, intake, upgrade
from tests.drills.fuzz.pages import calendar, iss, page
from tests.drills.fuzz.serving import exchange, picture, scrape, viewer
from tests.drills.fuzz.splitting import split

TARGETS: dict[str, Callable[[bytes], None]] = {
    "split": split,
    "body": read_body,
    "intake": intake,
    "connection": connection,
    "upgrade": upgrade,
    "page": page,
    "calendar": calendar,
    "iss": iss,
    "viewer": viewer,
    "picture": picture,
    "scrape": scrape,
    "exchange": exchange,
}
