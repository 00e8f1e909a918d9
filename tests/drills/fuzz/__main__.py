"""`python -m tests.drills.fuzz TARGET RUNS`: so many cases of a target, guided by coverage where atheris is there.

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

from tests.drills.fuzz.seeds import PIECES, mutated, seeds_of

LONGEST_CASE = 2000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.drills.fuzz")
    parser.add_argument("target", choices=("split", "body", "page"))
    parser.add_argument("runs", type=int)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not to be had for this system and Python: cases are drawn without a guide", flush=True)
        by_chance(chosen.target, chosen.runs, chosen.seed)
    else:
        guided(chosen.target, chosen.runs, chosen.seed)


def by_chance(target: str, runs: int, seed: int) -> None:
    from tests.drills.fuzz.targets import TARGETS

    random, seeds, began = Random(seed), seeds_of(target), time.monotonic()
    for run in range(runs):
        case = seeds[run] if run < len(seeds) else mutated(seeds, random)
        try:
            TARGETS[target](case)
        except Exception:
            print(f"failed: {case!r}", file=sys.stderr)
            raise
    print(f"{target}: {runs} cases in {time.monotonic() - began:.0f} s", flush=True)


def guided(target: str, runs: int, seed: int) -> None:
    """In a process of its own, which the fuzzer ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{target}-"))
    print(f"{target}: {runs} cases guided by coverage", flush=True)
    child = os.fork()
    if child == 0:
        _fuzz(target, runs, seed, folder)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        sys.exit(f"{target}: the case that failed is in {folder}")
    shutil.rmtree(folder)


def _fuzz(target: str, runs: int, seed: int, folder: Path) -> None:
    """Does not return."""
    import atheris

    with atheris.instrument_imports(include=["collector", "shared"]):
        from tests.drills.fuzz.targets import TARGETS

    corpus, pieces = folder / "corpus", folder / "pieces"
    corpus.mkdir()
    for index, case in enumerate(seeds_of(target)):
        (corpus / f"seed-{index}").write_bytes(case)
    pieces.write_text("".join(f'"{_escaped(piece)}"\n' for piece in PIECES))
    options = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST_CASE}", f"-dict={pieces}", "-verbosity=0"]
    options += [f"-artifact_prefix={folder}/", "-print_final_stats=1", "-timeout=20"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[target])
    atheris.Fuzz()


def _escaped(piece: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in piece)


if __name__ == "__main__":
    main()
