"""Many seeds: `python -m tests.chaos --seeds 1-50 [--slaves] [--tls] [--seconds 12] [--keep FOLDER]`. Exit code 1 for a violation."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import run_seed


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=range(1, 4), metavar="A-B")
    parser.add_argument("--seconds", type=float, default=12.0, help="of load and faults")
    parser.add_argument(
        "--slaves", action="store_true", help="each broker is a SYNC_MASTER with a slave that consumers read from"
    )
    parser.add_argument("--tls", action="store_true", help="half of the clients and all brokers connect over TLS")
    parser.add_argument("--keep", type=Path, help="keep what a seed wrote here, where it has violations")
    parser.add_argument("--verbose", action="store_true", help="print each fault")
    given = parser.parse_args()
    bad = 0
    for seed in given.seeds:
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        try:
            say = print if given.verbose else lambda _text: None
            how = {"seconds": given.seconds, "slaves": given.slaves, "tls": given.tls}
            verdict = asyncio.run(run_seed(seed, folder, say=say, **how))
            counts = ", ".join(f"{count} {what}" for what, count in verdict.counts.items())
            print(f"seed {seed}: {len(verdict.violations)} violations in {verdict.seconds:.0f} s; {counts}", flush=True)
            for sentence in verdict.violations[:20]:
                print(f"  {sentence}", flush=True)
            if verdict.violations:
                bad += 1
                if given.keep:
                    shutil.copytree(folder, given.keep / f"seed-{seed}", dirs_exist_ok=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
