"""``python -m benchmarks.fuzz --cases 10000 --seed 0``: bad input in bulk.

Every case is made from the seed and its number. It has to end in a result of the right
shape or in the package's own error, within 20 seconds, and without taking memory, with
all arguments and files as they were. Cases run in a child process, so that a hang or a
crash is seen. Those that are done are kept in a file, and a second call goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil

from benchmarks.fuzz.case import run_cases

SECONDS = 20

_SECONDS_TO_LOAD = 300

_PATIENCE = 6
"""Times that are waited for a case that has not been computing all the time."""


def main() -> int:
    options = _options()
    path = Path(options.results)
    done = _read(path, options.seed)
    todo = [
        number
        for number in (options.only or range(options.cases))
        if number % options.shards == options.shard
        and (options.only or number not in done)
    ]
    start = time.monotonic()
    with path.open("a") as file:
        for i, outcome in enumerate(_outcomes(todo, options.seed, options.seconds)):
            file.write(json.dumps({"seed": options.seed, **outcome}) + "\n")
            file.flush()
            done[outcome["number"]] = outcome
            if outcome["ends_in"] not in ("result", "refusal") or options.only:
                print(f"case {outcome['number']}, {outcome['kind']}: {outcome}")
            if i % 500 == 499:
                rate = (i + 1) / (time.monotonic() - start)
                print(f"{i + 1} of {len(todo)}, {rate:.1f} a second", file=sys.stderr)
    return _summary(done)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shard", type=int, default=0, help="this part, from 0")
    parser.add_argument("--shards", type=int, default=1, help="of so many")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of cases")
    parser.add_argument("--results", default="fuzz-results.jsonl")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for a case")
    return parser.parse_args()


def _read(path: Path, seed: int) -> dict[int, dict[str, Any]]:
    if not path.exists():
        return {}
    lines = map(json.loads, path.read_text().splitlines())
    return {line["number"]: line for line in lines if line["seed"] == seed}


def _outcomes(todo: list[int], seed: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Run cases in a child, and start another one after a hang or a crash."""
    context = get_context("spawn")
    while todo:
        ours, theirs = context.Pipe()
        folder = tempfile.TemporaryDirectory(prefix="mmtseg-fuzz-")
        child = context.Process(
            target=run_cases, args=(theirs, seed, todo, folder.name), daemon=True
        )
        child.start()
        theirs.close()
        try:
            _wait_until_ready(ours)
            while todo:
                if not _answers(ours, child.pid, seconds):
                    yield _lost(todo[0], f"a hang of more than {seconds:g} s")
                    todo = todo[1:]
                    break
                outcome = ours.recv()
                todo = todo[1:]
                yield outcome
                if outcome["ends_in"] == "memory":
                    break
        except EOFError:
            child.join()
            yield _lost(todo[0], f"a crash, exit code {child.exitcode}")
            todo = todo[1:]
        finally:
            child.kill()
            child.join()
            folder.cleanup()


def _wait_until_ready(connection: Any) -> None:
    """Wait until the child has loaded everything, which is no part of a case."""
    try:
        if connection.poll(_SECONDS_TO_LOAD):
            connection.recv()
            return
    except EOFError:
        pass
    raise RuntimeError("The files that cases damage could not be made; see above.")


def _answers(connection: Any, pid: int | None, seconds: float) -> bool:
    """Wait for a case; on a busy machine the time is that of the child alone."""
    used = _cpu_seconds(pid)
    for _ in range(_PATIENCE):
        if connection.poll(seconds):
            return True
        if _cpu_seconds(pid) - used > seconds:
            break
    return False


def _cpu_seconds(pid: int | None) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _lost(number: int, how: str) -> dict[str, Any]:
    return {"number": number, "kind": "", "ends_in": how}


def _summary(done: dict[int, dict[str, Any]]) -> int:
    ends = Counter(outcome["ends_in"] for outcome in done.values())
    kinds = Counter(outcome["kind"] for outcome in done.values())
    print(f"{len(done)} cases: " + ", ".join(f"{n} {e}" for e, n in ends.most_common()))
    print(", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items())))
    slowest = max((o.get("seconds", 0.0) for o in done.values()), default=0.0)
    print(f"slowest {slowest:.1f} s")
    bad = len(done) - ends["result"] - ends["refusal"]
    print(f"{bad} that are wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
