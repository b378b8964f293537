"""docs/benchmarks.md from the results: tables, how to read them, what they do not show. What is written by hand is kept."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import RCLONE_FLAGS, distcp_command, rclone_command
from benchmarks.copies import FLOOR_THREADS
from benchmarks.cycles import FEWER
from benchmarks.results import middle
from benchmarks.shapes import MIB, Shape
from benchmarks.site import REPLICATION

BEGIN, END = "<!-- by hand: make bench keeps what follows -->", "<!-- end of what is kept -->"
NOTHING_YET = """## Changes that paid

None yet.

## Changes that did not pay

None yet."""
DIRECTIONS = {"hdfs-s3": "HDFS to S3", "s3-hdfs": "S3 to HDFS"}
NAMES = {
    "ours, warm": "ours, a warm call of `replicate()`",
    "ours": "ours, whole process",
    "ours, a file open": "ours, whole process, a file of the HDFS being open",
    "rclone": "rclone",
    "distcp": "DistCp, local runner",
    "read": "floor: read and discard",
    "write": "floor: write from memory",
}
CYCLE_NAMES = {
    **NAMES,
    "ours, staged, warm": "ours, staged first, a warm call of `replicate()`",
    "ours, staged": "ours, staged first, whole process",
    FEWER: "ours, a warm call, among the fewer files above",
    f"{FEWER}, staged": "ours, staged first, a warm call, among the fewer files above",
    "rclone": "rclone sync",
    "rclone --size-only": "rclone sync --size-only",
    "distcp": "DistCp -update -diff, local runner",
}
Runs = dict[str, list[dict[str, float]]]


def write(file: Path, results: dict[str, Any]) -> None:
    """Write the page, keeping what stands between its markers."""
    old = file.read_text(encoding="utf-8") if file.exists() else ""
    file.write_text(render(results, kept(old)), encoding="utf-8")


def kept(page: str) -> str:
    """What was written by hand into an earlier page. Pure."""
    _, begin, rest = page.partition(BEGIN)
    inside, end, _ = rest.partition(END)
    return inside.strip() if begin and end else NOTHING_YET


def render(results: dict[str, Any], by_hand: str) -> str:
    """The whole page. Pure."""
    parts = ["# Benchmarks", INTRODUCTION]
    for name, section in SECTIONS.items():
        if name in results["sections"]:
            parts += section(results["sections"][name]["measured"])
    parts += [BEGIN, by_hand, END, NOT_SHOWN, *_circumstances(results["sections"])]
    return "\n\n".join(parts) + "\n"


# The copies ---------------------------------------------------------------------------------------------------


def _copies(found: dict[str, Any]) -> Iterable[str]:
    yield "## Copies"
    yield COPIES
    yield _ratios(found)
    for key, one in found.items():
        shape = _shape(one)
        yield f"### {_direction(key)}, {shape.title} ({shape.name})"
        yield _runs(shape, one["runs"])
        if "of" in one:
            yield f"Measured by itself, on {one['of']['day']}: see the end of the page."


def _ratios(found: dict[str, Any]) -> str:
    head = [
        "times the speed of",
        *(f"{_direction(key)}, {_shape(one).name}" for key, one in found.items()),
    ]
    rows = []
    for other in ("rclone", "distcp", "read", "write"):
        rows += [
            [f"{NAMES[other]}: {NAMES[mine]}", *(_ratio(one["runs"], mine, other) for one in found.values())]
            for mine in ("ours", "ours, warm", "ours, a file open")
        ]
    return _table(head, [row for row in rows if any(cell for cell in row[1:])])


def _ratio(runs: Runs, mine: str, other: str) -> str:
    if not runs.get(mine) or not runs.get(other):
        return ""
    return f"{middle(runs[other]) / middle(runs[mine]):.2f}"


def _runs(shape: Shape, runs: Runs) -> str:
    head = ["", "seconds: median (least to most)", "rate", "CPU s", "servers' CPU s", "peak memory", "runs"]
    rows = []
    for name, taken in runs.items():
        if taken:
            seconds = middle(taken)
            rate = (
                f"{shape.files / seconds:,.0f} files/s"
                if shape.size_bytes < MIB
                else f"{_mib(shape) / seconds:,.0f} MiB/s"
            )
            peak = f"{middle(taken, 'peak_mib'):.0f} MiB" if name not in ("ours, warm", "read", "write") else ""
            cpu, servers = f"{middle(taken, 'cpu_s'):.1f}", f"{middle(taken, 'servers_cpu_s'):.1f}"
            rows.append([NAMES[name], _spread(taken), rate, cpu, servers, peak, str(len(taken))])
    table = _table(head, rows)
    if runs.get("ours") and "start_s" in runs["ours"][0]:
        start = middle(runs["ours"], "start_s")
        table += f"\n\nStart, imports and opening both zones: {start:.2f} s, {start / middle(runs['ours']):.1%} of our whole process."
    return table


# The others ---------------------------------------------------------------------------------------------------


def _proving(found: dict[str, Any]) -> Iterable[str]:
    yield "## What proof costs"
    yield PROVING
    rows = []
    for one in found.values():
        shape, runs = _shape(one), one["runs"]
        more = middle(runs["proved"]) / middle(runs["unproved"]) - 1
        cpu = middle(runs["proved"], "cpu_s") / middle(runs["unproved"], "cpu_s") - 1
        rows.append([f"{shape.title} ({shape.name})", _spread(runs["proved"]), _spread(runs["unproved"]), f"{more:+.1%}",
                     f"{cpu:+.1%}"])  # fmt: skip
    yield _table(["", "proved, seconds", "not proved, seconds", "proof costs", "of our CPU"], rows)


def _namenode(found: dict[str, Any]) -> Iterable[str]:
    yield "## Calls of the NameNode"
    files = found["files"]
    yield f"While {files:,} files of 4 KiB are copied from HDFS to S3, all that a run asks, for each file:"
    names = sorted({name for calls in found["calls"].values() for name in calls}, key=lambda name: -_most(found, name))
    head = ["", *(NAMES[tool] for tool in found["calls"])]
    total = ["**all**", *(f"**{sum(calls.values()) / files:.2f}**" for calls in found["calls"].values())]
    shown = [name for name in names if _most(found, name) >= files / 20]
    rows = [[name, *(f"{calls.get(name, 0) / files:.2f}" for calls in found["calls"].values())] for name in shown]
    yield _table(head, [total, *rows])
    yield "The files are less than an hour old: where any file of the cluster is open, older ones cost a call less (GetFileInfo). Calls made for fewer than one in twenty files are in the sum alone. `webhdfs` calls come by HTTP, `rpc` calls by Hadoop's RPC."


def _most(found: dict[str, Any], name: str) -> int:
    return max(int(calls.get(name, 0)) for calls in found["calls"].values())


def _neighbours(found: dict[str, Any]) -> Iterable[str]:
    yield "## What a job at the source loses"
    yield NEIGHBOURS
    for one in found.values():
        load, copied = _shape(one, "load"), _shape(one, "copied")
        alone = middle(one["runs"]["alone"])
        rows = [[name.replace("limited", f"limited to {one['limit_mib_s']} MiB/s"), _spread(runs),
                 f"{middle(runs) / alone:.2f}"] for name, runs in one["runs"].items()]  # fmt: skip
        yield f"`hdfs dfs -cat` of {load.title}, while {copied.title} are copied again and again:"
        yield _table(["", "seconds: median (least to most)", "times alone"], rows)


def _limit(found: dict[str, Any]) -> Iterable[str]:
    yield "## How exactly a bandwidth limit is kept"
    limit, window = found["limit_bytes_s"] / MIB, found["window_s"]
    yield (f"Bytes read from HDFS under a limit of {limit:.0f} MiB/s, in every window of {window} s, as a share of what may "
           "pass. Files arrive a part of 8 MiB at a time, so a window may hold one more.")  # fmt: skip
    rows = [[_shape(one).title, f"{one['lasted_s']:.0f}", *(f"{one[name]:.1%}" for name in ("mean", "busiest", "quietest"))]
            for one in found["shapes"].values()]  # fmt: skip
    yield _table(["", "seconds", "on the whole", "busiest window", "quietest window"], rows)


def _planning(found: dict[str, Any]) -> Iterable[str]:
    yield "## A very long listing"
    yield (
        f"A listing of {found['entries']:,} files, made as it is read, was planned as a dry run in {found['wall_s']:.1f} s "
        f"({found['cpu_s']:.1f} s of CPU) by a process whose memory peaked at **{found['peak_mib']:.0f} MiB**. No server takes "
        "part: a real listing adds the time that its store takes. `make soak` asserts the memory."
    )


def _retention(found: dict[str, Any]) -> Iterable[str]:
    yield "## Very many backups"
    yield (
        f"Which of {found['backups']:,} backups stay, by {found['rules']} rules in a time zone with summer time, was decided in "
        f"**{found['wall_s']:.2f} s** by one call; {found['kept']:,} of them stay, each with its reasons."
    )


def _cycles(found: dict[str, Any]) -> Iterable[str]:
    yield "## From the second run on"
    yield CYCLES.format(changes=found["changes"], warm=found["warm_rounds"], cycles=found["warm_cycles"])
    for files, one in found["to_s3"].items():
        yield f"### {found['changes']} changes among {int(files):,} files, HDFS to S3"
        yield _cycle_runs(one["runs"])
    sizes = list(found["to_s3"].values())
    many = sizes[-1]
    if many.get("fewer"):
        times = {more: middle(many["runs"][f"ours{more}, warm"]) / middle(many["runs"][f"{FEWER}{more}"])
                 for more in ("", ", staged") if f"{FEWER}{more}" in many["runs"]}  # fmt: skip
        told = ", and staged first ".join(f"{found:.2f}" for found in times.values())
        yield f"Among {many['files']:,} files a warm call takes {told} times what it takes among {many['fewer']:,} in turn with it."
    quiet = sizes[0]["quiet_calls"]
    calls = ", ".join(f"{count} x {name}" for name, count in quiet.items()) or "none"
    yield f"A cycle without changes asks the NameNode **{sum(quiet.values())}** times: {calls}."
    yield f"### {found['changes']} changes among {found['to_hdfs']['files']:,} files, HDFS to HDFS"
    yield _cycle_runs(found["to_hdfs"]["runs"])
    lag = found["lag"]
    yield (f"### Lag\n\nWhile {lag['changes_s']:.0f} files a second are made and a cycle towards S3 starts every {lag['interval_s']:.0f} s, the newest "
           f"complete copy is **{lag['p95_s']:.0f} s** old at most for 95% of the time, {lag['most_s']:.0f} s at the most.")  # fmt: skip


def _metadata(found: dict[str, Any]) -> Iterable[str]:
    yield "## Hive metadata"
    yield METADATA.format(tables=found["tables"], partitions=found["partitions"], changed=found["changed"])
    rows = []
    for what, title in {"first": "first run", "changed": f"{found['changed']} tables changed"}.items():
        runs, calls = found["runs"][what], found["calls"][what]
        ours = middle(runs["ours"])
        rows += [[f"{title}, {'a plain loop' if name == 'loop' else name}", _spread(taken), f"{middle(taken, 'cpu_s'):.2f}", f"{calls[name]:,}",
                  f"{middle(taken) / ours:.1f}"] for name, taken in runs.items()]  # fmt: skip
    yield _table(["", "seconds: median (least to most)", "CPU s", "calls", "times as long as ours"], rows)


def _cycle_runs(runs: Runs) -> str:
    mine = [name for name in runs if name.startswith("ours")]
    head = [
        "",
        "seconds: median (least to most)",
        "CPU s",
        "servers' CPU s",
        *(f"times as long as {one}" for one in mine),
    ]
    rows = [[CYCLE_NAMES.get(name, name), _spread(taken), f"{middle(taken, 'cpu_s'):.2f}", f"{middle(taken, 'servers_cpu_s'):.2f}",
             *(f"{middle(taken) / middle(runs[one]):.1f}" for one in mine)] for name, taken in runs.items()]  # fmt: skip
    return _table(head, rows)


SECTIONS = {
    "copies": _copies,
    "proving": _proving,
    "namenode": _namenode,
    "neighbours": _neighbours,
    "limit": _limit,
    "planning": _planning,
    "retention": _retention,
    "cycles": _cycles,
    "metadata": _metadata,
}


# Where and with what ------------------------------------------------------------------------------------------


def _circumstances(sections: dict[str, Any]) -> Iterable[str]:
    yield "## Where and with what"
    for names, of in _by_circumstances(sections):
        machine, versions = of["machine"], of["versions"]
        yield (
            f"{', '.join(sorted(names))}: {of['day']}, {machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB, "
            f"{machine['system']}; servers on the same machine, their data on a {machine['servers_data']}; HDFS of two "
            f'DataNodes, replication {REPLICATION}, blocks of 128 MiB; sizes "{of["size"]}".'
        )
        yield _table(["", "version"], [[name, version] for name, version in versions.items()])
    yield "### Commands"
    yield "```\n" + "\n".join(_commands()) + "\n```"


def _by_circumstances(sections: dict[str, Any]) -> list[tuple[list[str], dict[str, Any]]]:
    told: list[tuple[list[str], dict[str, Any]]] = []
    for name, of in _each_of(sections):
        same = next((names for names, known in told if known == of), None)
        if same is None:
            told.append(([name], of))
        else:
            same.append(name)
    return told


def _each_of(sections: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    for name, section in sections.items():
        measured: dict[str, Any] = section["measured"]
        alone = {key: one["of"] for key, one in measured.items() if isinstance(one, dict) and "of" in one}
        if len(alone) < len(measured):
            yield name, section["of"]
        yield from ((f"{name} from {_direction(key)}, {key.partition(' ')[2]}", of) for key, of in alone.items())


def _commands() -> Iterable[str]:
    for flags in dict.fromkeys(map(tuple, RCLONE_FLAGS.values())):
        names = [name for name, given in RCLONE_FLAGS.items() if tuple(given) == flags]
        yield f"# {', '.join(names)}"
        yield shlex.join(rclone_command(Shape(names[0], 0, 0)))
    yield "# all"
    yield shlex.join(distcp_command())
    yield "# ours: the defaults, ReplicateOptions()"


def _direction(key: str) -> str:
    return DIRECTIONS[key.partition(" ")[0]]


def _shape(one: dict[str, Any], name: str = "shape") -> Shape:
    return Shape(**one[name])


def _mib(shape: Shape) -> float:
    return shape.total_bytes / MIB


def _spread(runs: Sequence[dict[str, float]]) -> str:
    times = [run["wall_s"] for run in runs]
    return f"{middle(runs):.2f} ({min(times):.2f} to {max(times):.2f})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


INTRODUCTION = """`make bench` measured this and wrote this page; only what stands between the markers further down is written by hand. No
figure here fails a build: machines differ, and so will yours."""
COPIES = f"""Every run copies the same files from the same servers into a place that was never used, and what arrived is counted. The
contenders take turns, and the order turns with every round. Before the rounds that count, each but DistCp copies once or more without being
counted, for a NameNode and DataNodes that have just started compile what they run for the first tens of thousands of files. "Ours" is `replicate()` with its defaults: from a snapshot,
every file's CRC computed and compared by the store, manifest, checkpoint and report written. A *warm call* is one in a process that
made such a call before; a *whole process* is timed from outside, as rclone and DistCp are, with the start of Python and all imports. It ends as the process of a task of Airflow 3 does (by `os._exit`): a script
in Python, which takes itself apart at its end, takes somewhat longer. Where HDFS lets files that are open grow inside a snapshot (its default) and any file of the cluster is open, ours asks
of each file whether it is that one, at one more call of the NameNode, and at two for a file that is less than an hour old, as all are here; none is open but in the line that says so. Peak memory is that of the whole process, CPU that of it and its children. The floors are our own zones, warm: all files read
and discarded, or written from memory, on {FLOOR_THREADS} threads.

How many times as fast ours is (medians; above 1, ours is faster):"""
PROVING = """Warm calls of the engine as it is, beside the same engine with every proof taken out: our CRC-32C and CRC-64/NVME of each
part and file are replaced by constants, and no checksum is sent to S3, so that the store compares nothing on arrival. What HDFS's
client checks by itself while it reads stays in both. HDFS to S3:"""
NEIGHBOURS = """A Hadoop command reads other files of the same HDFS, alone and while copies go on. Everything runs on one
machine here: a copy takes cores from that command and from the servers, besides what it takes of HDFS. The copy of the same files
*from a local directory* does not touch HDFS at all, so what it costs the command is the share of the machine. On a cluster, where the
copier runs elsewhere, that share is not there."""
CYCLES = """A copy is there, and {changes} files change: of ten six are written anew, two made, one is renamed and one deleted. Then each
contender brings a copy of its own to what the source is now: ours by the difference of two snapshots, with manifest, checkpoint and report
written; `rclone sync`, with `--fast-list`, by sizes alone or, its default, by times as well; `distcp -update -diff` by the same difference, from
one HDFS directory to another, its two snapshots included. A warm call has a process of its own for its target, as each location of a live replication has. Most files are empty, so that very many can be made. Before the rounds that count, ours makes {cycles} cycles alone and each contender
{warm} rounds that do not: a NameNode that has just started goes on compiling what it runs for about a hundred such cycles, and the one of a live replication has made them long ago."""
METADATA = """A database of {tables:,} tables of 20 columns, a hundredth of which have {partitions:,} partitions together, is brought from one Hive Metastore 3.1 to
another, each on a Derby of its own: by `sync_catalogue`, and by a plain loop that reads each table and partition, gives it its new place, and writes it, by a call each. Then {changed} tables
change, first of all those with the partitions, and both run again: ours asks the source's log and compares the partitions of a table that was altered, the loop looks at every table on both sides. State, plan and report are written by ours alone. The target is a new one for each first run."""
NOT_SHOWN = """## What these figures do not show

- **A network.** Clients and servers share the cores and the memory of one machine; latency is microseconds. What costs CPU
  counts for more here than between machines, and what saves round trips counts for less.
- **Amazon S3.** The store is versitygw on a directory. It computes and compares checksums as S3 does, but throttles nothing.
- **A busy or large cluster.** One NameNode, two DataNodes, no Kerberos, no encryption of the wire, no erasure coding.
- **DistCp at its best.** It is built for YARN, with many machines each reading what lies near. Here it runs on Hadoop's local job
  runner, with its maps on threads of one process, since nothing else is comparable on one machine.
- **Second runs of large files.** What changes from run to run is small here."""
