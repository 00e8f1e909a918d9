"""`python -m tests.drills.fuzz [TARGET [CASES]]`: so many cases of a target, of all of them without one, guided by
coverage where atheris is there.

Ends with exit code 0 when all of them went well; a case that did not is kept, and named.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random

CASES = {
    "split": 1_000_000,
    "body": 3_000_000,
    "intake": 1_000_000,
    "connection": 400_000,
    "upgrade": 300_000,
    "page": 3_000_000,
    "calendar": 1_000_000,
    "iss": 100_000,
    "viewer": 400_000,
    "picture": 1_000_000,
    "scrape": 200_000,
    "exchange": 300_000,
}
"""What `make drills` runs: as many as each does in some minutes."""

LONGEST_CASE = 2000
LONGEST_TIME_S = 20
MOST_MEMORY_MB = 1024
OURS = ["collector", "display", "shared", "simulator"]
LIBRARIES = {
    "upgrade": ["websocket"],
    "iss": ["requests", "urllib3"],
    "scrape": ["http.server", "prometheus_client"],
}
"""What guides a target besides, where most of what reads its bytes is not ours."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.drills.fuzz")
    parser.add_argument("target", nargs="?", choices=CASES)
    parser.add_argument("cases", nargs="?", type=int)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    run = guided
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not to be had for this system and Python: cases are drawn without a guide", flush=True)
        run = by_chance
    for target in CASES if chosen.target is None else [chosen.target]:
        run(target, CASES[target] if chosen.cases is None else chosen.cases, chosen.seed)


def by_chance(target: str, cases: int, seed: int) -> None:
    from tests.drills.fuzz.seeds import mutated, seeds_of
    from tests.drills.fuzz.targets import TARGETS

    random, seeds, began = Random(seed), seeds_of(target), time.monotonic()
    for number in range(cases):
        case = seeds[number] if number < len(seeds) else mutated(seeds, random)
        try:
            TARGETS[target](case)
        except Exception:
            print(f"failed: {case!r}", file=sys.stderr)
            raise
    print(f"{target}: {cases} cases in {time.monotonic() - began:.0f} s", flush=True)


def guided(target: str, cases: int, seed: int) -> None:
    """In a process of its own, which the fuzzer ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{target}-"))
    print(f"{target}: {cases} cases guided by coverage", flush=True)
    child = os.fork()
    if child == 0:
        _fuzz(target, cases, seed, folder)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        sys.exit(f"{target}: the case that failed is in {folder}")
    shutil.rmtree(folder)


def _fuzz(target: str, cases: int, seed: int, folder: Path) -> None:
    """Does not return."""
    import atheris

    with atheris.instrument_imports(include=[*OURS, *LIBRARIES.get(target, [])]):
        from tests.drills.fuzz.seeds import PIECES, seeds_of
        from tests.drills.fuzz.targets import TARGETS

    corpus, pieces = folder / "corpus", folder / "pieces"
    corpus.mkdir()
    for index, case in enumerate(seeds_of(target)):
        (corpus / f"seed-{index}").write_bytes(case)
    pieces.write_text("".join(f'"{_escaped(piece)}"\n' for piece in PIECES))
    options = [f"-runs={cases}", f"-seed={seed}", f"-max_len={LONGEST_CASE}", f"-dict={pieces}", "-verbosity=0"]
    options += [f"-timeout={LONGEST_TIME_S}", f"-rss_limit_mb={MOST_MEMORY_MB}"]
    options += [f"-artifact_prefix={folder}/", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[target])
    atheris.Fuzz()


def _escaped(piece: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in piece)


if __name__ == "__main__":
    main()
