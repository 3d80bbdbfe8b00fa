"""Measures rules-gen against promtool, and the router against its peers: ratios beside their targets."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.cases import cold, mutation, proof, warm
from benchmarks.report import as_json, as_text, machine
from benchmarks.router import acknowledging, beside_native, outage, stores
from benchmarks.setting import FULL, QUICK, Setting

CASES = {
    "cold": cold.figures,
    "warm": warm.figures,
    "proof": proof.figures,
    "mutation": mutation.figures,
    "router-ack": acknowledging.figures,
    "router-latency": beside_native.one_alert,
    "router-storm": beside_native.storm,
    "router-outage": outage.figures,
    "router-postgres": stores.beside_sqlite,
    "router-replicas": stores.replicas,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size: two minutes, start-up dominates")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print (default: text)")
    parser.add_argument("--case", choices=tuple(CASES), action="append", help="only this; can be given several times")
    arguments = parser.parse_args()
    about = machine()
    figures = []
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        setting = Setting(QUICK if arguments.quick else FULL, Path(folder))
        for name in arguments.case or CASES:
            print(f"measuring: {name} ...", file=sys.stderr, flush=True)
            figures += CASES[name](setting)
    print(as_json(figures, about) if arguments.format == "json" else as_text(figures, about), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
