"""The proof: ``python -m planted.proof``, as ``tox run -e proof`` runs it.

Without options, every fault is planted once and the part of the checklist that has to see it is looked at, with some
requirements that have nothing to do with it; and every correct variant. What an earlier, interrupted proof of the same
suites has found is kept.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import partial
from typing import NoReturn

from keywords.signoff.places import RESULTS
from keywords.signoff.report.proof import NEWEST, suites_version
from keywords.signoff.words import listing
from planted.catalogue import UnknownFault, fault, names
from planted.variants import VARIANTS, Variant

from .page import write_page
from .record import Planted, Record, Varied, load, program_version, stands
from .run import end_all
from .trial import plant, vary

PAGE = RESULTS / "proof.html"
RUNS = RESULTS / "proof"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SystemExit(_complain(f"{message[:1].upper()}{message[1:]}; --help lists the options."))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Returns:
        The exit code: 0 if every fault was caught and there was no false alarm, 1 if not, 2 if it could not be run.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = _Parser(prog="python -m planted.proof", allow_abbrev=False, description=__doc__)
    add = parser.add_argument
    add("--fault", metavar="NAME", action="append", default=[], help="only this fault, anew; may be repeated")
    add("--variant", metavar="NAME", action="append", default=[], help="only this variant, anew; may be repeated")
    add("--all", action="store_true", help="look at the whole checklist each time; takes hours")
    add("--again", action="store_true", help="keep nothing of an earlier proof")
    add("--processes", metavar="N", type=_count, default=4, help="deployments at the same time (default: 4)")
    options = parser.parse_args(arguments)
    try:
        return _prove(options.fault, options.variant, options.processes, whole=options.all, again=options.again)
    except UnknownFault as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        end_all()
        return _complain("Interrupted; what was found so far is kept, and the next proof goes on from it.")


def _prove(only: Sequence[str], variants: Sequence[str], processes: int, *, whole: bool, again: bool) -> int:
    known = names()
    chosen = [fault(name) for name in (only or ([] if variants else known))]
    varied = [_variant(name) for name in (variants or ([] if only else [one.name for one in VARIANTS]))]
    record = Record(suites_version(), len(known)) if again else load(NEWEST, len(known))
    record.faults = {name: one for name, one in record.faults.items() if name in known}
    record.variants = {name: one for name, one in record.variants.items() if name in {v.name for v in VARIANTS}}
    fresh = bool(only or variants)
    jobs: dict[str, Callable[[], Planted | Varied]] = {}
    for variant in varied:
        if fresh or not stands(record.variants.get(variant.name), program_version(), whole=whole):
            jobs[f"variant {variant.name}"] = partial(vary, variant, RUNS, whole=whole)
    for one in chosen:
        if fresh or not stands(record.faults.get(one.full_name), program_version(one), whole=whole):
            jobs[one.full_name] = partial(plant, one, RUNS, whole=whole)
    kept = len(chosen) + len(varied) - len(jobs)
    _say(
        f"Suites of version {record.suites}: {len(jobs)} runs, {processes} at a time"
        + f"; {kept} are kept." * (kept > 0)
    )
    _run([jobs[name] for name in sorted(jobs, key=_backwards)], record, processes)
    write_page(record, PAGE)
    _say(record.sentence)
    _say(str(PAGE))
    if only or variants:
        named = [record.faults[name] for name in only if name in record.faults]
        return int(not all(one.clean for one in named) or any(record.variants[name].alarms for name in variants))
    return int(not record.clean)


def _run(jobs: Sequence[Callable[[], Planted | Varied]], record: Record, processes: int) -> None:
    begin, before = time.monotonic(), record.seconds
    with ThreadPoolExecutor(processes) as pool:
        running: list[Future[Planted | Varied]] = [pool.submit(job) for job in jobs]
        try:
            for number, done in enumerate(as_completed(running), 1):
                found = done.result()
                if isinstance(found, Planted):
                    record.faults[found.name] = found
                else:
                    record.variants[found.name] = found
                record.seconds = before + time.monotonic() - begin
                record.save(NEWEST)
                _say(f"  {number}/{len(jobs)}  {_in_words(found)}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise


def _backwards(name: str) -> str:
    """Return a name read backwards: the order of these mixes the parts.

    Faults of one part tend to wait for the same things: side by side, they would leave the cores idle together.
    """
    return name[::-1]


def _variant(name: str) -> Variant:
    for variant in VARIANTS:
        if variant.name == name:
            return variant
    raise UnknownFault(f"There is no variant {name}; those that there are: {listing([v.name for v in VARIANTS])}.")


def _in_words(found: Planted | Varied) -> str:
    if isinstance(found, Varied):
        alarms = f"  {'; '.join(found.alarms)}" if found.alarms else ""
        return f"{found.outcome:<13} {found.seconds:5.1f} s  variant {found.name}{alarms}"
    red = f"  {', '.join(found.requirements)} not met ({', '.join(found.verdicts) or 'no class'})"
    also = f"  unrelated: {', '.join(found.unrelated)}" if found.unrelated else ""
    return f"{found.outcome:<13} {found.seconds:5.1f} s  {found.name}{red}{also}" + (
        f"  {found.why}" if found.why else ""
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 16:
        raise argparse.ArgumentTypeError(f"{text} is not a number of deployments from 1 to 16")
    return int(text)


def _say(line: str) -> None:
    print(line, flush=True)


def _complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
