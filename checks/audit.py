"""`make check`: whether a known weakness concerns a pinned requirement. Bounded in time, and good without a network."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

LIMIT_S = 25.0
REQUIREMENTS = "requirements-dev.txt"
COMMAND = [
    *(sys.executable, "-m", "pip_audit", "--requirement", REQUIREMENTS, "--require-hashes", "--disable-pip"),
    *("--progress-spinner", "off", "--timeout", "5", "--format", "json"),
]


class Weakness(msgspec.Struct):
    id: str
    fix_versions: list[str] = []


class Dependency(msgspec.Struct):
    """`skip_reason` tells that the database does not know it."""

    name: str
    version: str = ""
    vulns: list[Weakness] = []
    skip_reason: str | None = None


class Report(msgspec.Struct):
    dependencies: list[Dependency]


class Verdict(NamedTuple):
    exit_code: int
    lines: list[str]


def verdict(output: bytes) -> Verdict:
    """What pip-audit's JSON says; anything else means that its database could not be asked. Pure."""
    try:
        dependencies = msgspec.json.decode(output, type=Report).dependencies
    except msgspec.DecodeError:
        return Verdict(0, ["audit skipped: the database of known weaknesses cannot be reached"])
    audited = [one for one in dependencies if one.skip_reason is None]
    if not audited:
        return Verdict(0, ["audit skipped: the database that was reached knows none of the requirements"])
    found = [
        f"{one.name} {one.version}: {weakness.id}, mended in {', '.join(weakness.fix_versions) or 'no version'}"
        for one in audited
        for weakness in one.vulns
    ]
    unknown = len(dependencies) - len(audited)
    told = f"audit: {len(audited)} requirements without a known weakness" + (f", {unknown} unknown" if unknown else "")
    return Verdict(1, found) if found else Verdict(0, [told])


def main() -> int:
    try:
        asked = subprocess.run(COMMAND, cwd=Path(__file__).parents[1], capture_output=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        print(f"audit skipped: the database of known weaknesses did not answer within {LIMIT_S:g} s")
        return 0
    exit_code, lines = verdict(asked.stdout)
    print("\n".join(lines))
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
