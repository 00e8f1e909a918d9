"""Whether an interpreter can run the installed service: its version, and whether the service can see it."""

import sys
from pathlib import Path

HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
"""Which the service is not shown (ProtectHome=)."""


def complaint(version: tuple[int, int, int], executable: Path, *, is_for_elsewhere: bool) -> str | None:
    """One line for a person; None when all is well. Where it is installed for elsewhere, the place does not count."""
    if version < (3, 11, 0) or version == (3, 13, 6):
        found = ".".join(map(str, version))
        return f"Python 3.11 or newer is needed (but not 3.13.6, whose TLS deadlocks), this is {found}"
    if not is_for_elsewhere and any(home in executable.parents for home in HOMES):
        return f"{executable} is in a home folder, which the service cannot see: make install PYTHON=/usr/bin/python3"
    return None


if __name__ == "__main__":
    sys.exit(
        complaint(
            (sys.version_info[0], sys.version_info[1], sys.version_info[2]),
            Path(sys.executable).resolve(),
            is_for_elsewhere="--for-elsewhere" in sys.argv,
        )
    )
