"""The full report on 177 performances beside 177: seconds, memory, and where the time goes.

    python benchmarks/evaluate.py                                   # needs RITORNELLO_DATA
    python benchmarks/evaluate.py --generated A --reference B       # any two folders

Without folders the reference is MAESTRO's 177 test performances, and the generated set the same ones transposed at
random every ten seconds (``evaluation/corruption.py``): as many notes, other harmony. The report is the command line's
own in a process of its own, with two workers; the time holds the start of Python. Memory is sampled ten times a second
over the command and its workers: resident without what they share twice (Linux only). The bar is 120 s. On a machine
that does other things too, processor time over the number of workers is what it would take alone, at best.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ritornello.data.corpora.archive import corpus_folder
from ritornello.evaluation.corruption import transposed
from ritornello.scores import read_score, write_midi

BAR_SECONDS = 120.0
SAMPLE_SECONDS = 0.1


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--generated", type=Path, help="instead of transposed performances")
    parser.add_argument("--reference", type=Path, help="instead of MAESTRO's test performances")
    parser.add_argument("--training", type=Path, help="also look for copies in this corpus")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder for the report")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ritornello-evaluate-") as name:
        reference = options.reference or corpus_folder(None, "maestro-v3.0.0-test-midi")
        generated = options.generated or spoilt(reference, Path(name) / "transposed")
        out = options.keep or Path(name) / "report"
        arguments = [str(generated), "--reference", str(reference), "--out", str(out)]
        arguments += ["--workers", str(options.workers)]
        arguments += ["--training", str(options.training)] if options.training else []
        before = processor_seconds()
        seconds, peaks, said = run(arguments)
        busy = processor_seconds() - before
        stages = next(line for line in said.splitlines()[::-1] if " s: " in line)
        page = (out / "report.html").stat().st_size
    for stage in stages.rpartition(": ")[0].split(", "):
        what, _, took = stage.removesuffix(" s").rpartition(" ")
        print(f"{what:32}{float(took):9.1f} s")
    print(f"{'whole command':32}{seconds:9.1f} s   {seconds / BAR_SECONDS:.2f} of the bar of {BAR_SECONDS:.0f} s")
    print(f"{'processor time':32}{busy:9.1f} s   {busy / options.workers:.1f} s on each of {options.workers} cores")
    print(f"{'memory, command and workers':32}{peaks[0] / 2**20:9.0f} MiB")
    print(f"{'memory, largest process':32}{peaks[1] / 2**20:9.0f} MiB")
    print(f"{'report.html':32}{page / 2**20:9.1f} MiB")


def spoilt(reference: Path, folder: Path) -> Path:
    """Every performance transposed at random every ten seconds, as MIDI."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for file in sorted(reference.rglob("*.mid*")):
        write_midi(transposed(read_score(file), random), folder / f"{file.stem}.mid")
    return folder


def run(arguments: list[str]) -> tuple[float, tuple[int, int], str]:
    """Seconds, peak bytes of all processes together and of the largest, and what the command printed."""
    command = [sys.executable, "-m", "ritornello.cli", "evaluate", *arguments]
    began = time.monotonic()
    peaks = (0, 0)
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(command, stdout=said) as process:
        while process.poll() is None:
            bytes_ = [resident_bytes(number) for number in family(process.pid)]
            peaks = max(peaks[0], sum(bytes_)), max(peaks[1], *bytes_, 0)
            time.sleep(SAMPLE_SECONDS)
        seconds = time.monotonic() - began
        said.seek(0)
        if process.returncode:
            raise SystemExit(process.returncode)
        return seconds, peaks, said.read()


def processor_seconds() -> float:
    """Of all processes that were started here and have ended, with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def family(process: int) -> list[int]:
    """A process and all its descendants."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [process, *(number for child in children for number in family(int(child)))]


def resident_bytes(process: int) -> int:
    """Its proportional share of memory in bytes: pages shared by n processes count 1/n; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
