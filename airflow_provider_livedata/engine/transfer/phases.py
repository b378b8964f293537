"""Carry out a plan: phase after phase, every item on its own, everything that lands written to the journal.

hold     put aside renamed files whose old place is wanted
rename   move directories whole; where that fails, what they hold is brought by the other phases
clear    delete what stands in the way, children first
write    directories, files, attributes, in one flat pool of tasks
delete   what the source no longer has, children first
finish   attributes of directories, children first
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import compress, islice

from airflow_provider_livedata.engine.deciding.outcome import is_replaced
from airflow_provider_livedata.engine.errors import LiveDataError, NotADirectory, ObjectChanged, Unsupported
from airflow_provider_livedata.engine.model import Entry, Held, Phase, Step
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.reading.looking import peek
from airflow_provider_livedata.engine.transfer import moving
from airflow_provider_livedata.engine.transfer.bringing import Bringing, refuse_hopeless
from airflow_provider_livedata.engine.transfer.copying import copy_file
from airflow_provider_livedata.engine.transfer.landing import is_settled
from airflow_provider_livedata.engine.transfer.publisher import Publisher, Staged
from airflow_provider_livedata.engine.transfer.small_files import SmallFiles
from airflow_provider_livedata.engine.transfer.tally import Tally
from airflow_provider_livedata.engine.zones.powers import HoldsAsRecorded, SetAttributes

log = logging.getLogger(__name__)
DELETE_BATCH = 1000


@dataclass(slots=True)
class Transfer(Bringing):
    """One transfer, each file visible as soon as it has landed. ``run`` takes what streams the steps of a phase.

    ``overwrites``: what someone else wrote meanwhile is deleted too (``route.exclusive`` says so of writes).
    """

    overwrites: bool = False
    _carried: moving.Carried = field(default_factory=moving.Carried)
    _steps: dict[str, Step] = field(default_factory=dict)
    _publisher: Publisher | None = None
    _pool: Pool | None = None

    def run(self, steps: Callable[[Phase], Iterable[Step]]) -> Tally:
        """Carry out all phases, whose ``steps`` come backwards for "clear" and "delete".

        Items that fail are counted and do not stop the others; deletes wait for their success.

        Raises:
            LiveDataError: What no item can survive: the lease lost, credentials refused, the store full or gone.
        """
        try:
            self._hold(steps("hold"))
            self._carry(steps)
            self._delete(steps("clear"))
            self._write(steps("write"))
            if not self.tally.failed:  # a delete may be half of a move whose other half has failed
                self._delete(steps("delete"))
            self._finish(steps("finish"))
        finally:
            self.journal.flush()
        return self.tally

    # write ------------------------------------------------------------------------------------------------------

    def _write(self, steps: Iterable[Step]) -> None:
        with Pool(self.threads, "livedata-copy") as pool:
            self._pool = pool
            if not self.route.target.facts.puts_publish:
                self._publisher = Publisher(self.journal, self.route.allow, self._published)
            small = SmallFiles(self.route, self, pool)
            try:
                for step in steps:
                    if step.kind == "copy":
                        self._copy(self._carried.over(step), pool, small)
                    else:
                        self._feed(step, pool)
                small.close()
                pool.wait()
            finally:
                if self._publisher is not None:
                    self._publisher.close()

    def _copy(self, step: Step, pool: Pool, small: SmallFiles) -> None:
        if small.takes(step.entry):
            small.add(step)
        else:
            small.close()  # what is read need not wait for a large file
            copy_file(step, self.route, self, pool.submit)

    def _feed(self, step: Step, pool: Pool) -> None:
        if self._carried.has(step):
            pool.submit(lambda: self.guarded(step, self._came))
        elif step.kind == "move":
            pool.submit(lambda: self._move(step))
        elif step.kind == "refused":
            self.refused(step)
        elif step.kind == "forget":
            self.journal.add(Held(step.entry, is_gone=True))
            self.tally.count(recorded=1)
        else:
            pool.submit(lambda: self.guarded(step, self._small_step))

    def _small_step(self, step: Step) -> None:
        if step.kind == "make_directory":
            self.route.target.make_directory(step.entry.path, attributes=self.route.attributes(step.entry))
            self.journal.add(Held(step.entry))
            self.tally.count(made_directories=1)
        elif step.kind == "set_attributes":
            self._set_attributes(step)
        else:
            self.record(step)

    def _set_attributes(self, step: Step) -> None:
        target, version = self.route.target, step.expect or ""
        if isinstance(target, SetAttributes):
            now = target.set_attributes(step.entry.path, self.route.attributes(step.entry))
            version = now.version
            self.tally.count(set_attributes=1)
        is_file = step.entry.kind == "file"
        settled = not is_file or self._is_settled(step)
        self.journal.add(Held(step.entry, version if is_file else "", is_settled=settled))

    def _is_settled(self, step: Step) -> bool:
        return is_settled(step.entry, self.route, self)

    # renamed directories ----------------------------------------------------------------------------------------

    def _carry(self, steps: Callable[[Phase], Iterable[Step]]) -> None:
        for step in self._known_before(list(steps("rename")), steps):
            self.route.allow()
            try:
                moving.carry(step, self.route)
            except LiveDataError as error:
                refuse_hopeless(error)
                log.info("%s: brought file by file, since it could not be moved whole: %s", step.entry.path, error)
            else:
                self._carried.add(step)

    def _known_before(self, renames: list[Step], steps: Callable[[Phase], Iterable[Step]]) -> list[Step]:
        """The same, once the journal says what is coming: so a killed run leaves no file that the next run does not know."""
        coming, refused = moving.Carried(), set[str]()
        for step in renames:
            coming.add(step)
        for step in steps("write") if renames else ():
            if step.kind == "move" and coming.has(step):
                self.journal.add(moving.coming_row(step, settled=self.route.open_files is None))
            elif step.kind == "refused":  # nobody knows what else would come along
                refused.add(f"{step.entry.path}/")
        self.journal.flush()
        return [step for step in renames if not any(path.startswith(f"{step.entry.path}/") for path in refused)]

    def _came(self, step: Step) -> None:
        """What came with its directory is there; what else it is to have is set."""
        if step.kind == "move":
            row = moving.carried_row(step, settled=self._is_settled(step))
            self._moved(step, row._replace(target_version=self._set_what_differs(step) or row.target_version))
        elif step.kind == "set_attributes":  # of a directory, whose "make_directory" has nothing to write down before
            self.journal.add(Held(step.entry))

    def _set_what_differs(self, step: Step) -> str:
        """The version that the file has then, which attributes are part of on local disks; "" where nothing was set."""
        target = self.route.target
        if step.origin is not None and not step.origin.is_like and isinstance(target, SetAttributes):
            return target.set_attributes(step.entry.path, self.route.attributes(step.entry)).version
        return ""

    # renamed files ----------------------------------------------------------------------------------------------

    def _hold(self, steps: Iterable[Step]) -> None:
        with Pool(self.threads, "livedata-hold") as pool:
            for step in steps:
                pool.submit(lambda step=step: self._hold_one(step))  # type: ignore[misc]
            pool.wait()

    def _hold_one(self, step: Step) -> None:
        self.route.allow()
        try:
            moving.hold(step, self.route)
        except LiveDataError as error:
            refuse_hopeless(error)
            log.info("%s: not put aside, and copied from the source instead: %s", step.entry.path, error)

    def _move(self, step: Step) -> None:
        try:
            self.route.allow()
            if not self.route.target.facts.puts_publish:
                self.staged(step, moving.staged(step, self.route, self))
                return
            row = moving.move(step, self.route, self)
        except LiveDataError as error:
            self._copy_instead(step, error)
        else:
            self._note_move(step, row)

    def _note_move(self, step: Step, row: Held) -> None:
        try:
            self._moved(step, row)
        except LiveDataError as error:  # of the journal: the file has its new name, and need not be copied
            self.failed(step, error)

    def _moved(self, step: Step, row: Held) -> None:
        self._unreachable = 0
        self.journal.add(row)
        self.tally.count(moved_files=1)
        self.progress.add(files=1)

    def _copy_instead(self, step: Step, error: LiveDataError) -> None:
        # Whatever stands in the way of a rename within the target, the source has the file.
        refuse_hopeless(error)
        log.info("%s: copied from the source, since it could not be renamed: %s", step.entry.path, error)
        copy_file(step._replace(kind="copy", origin=None), self.route, self, lambda task: task())

    # what copying reports (sink.Sink) ---------------------------------------------------------------------------

    def staged(self, step: Step, staged: Staged) -> None:
        """A file is at the target and not yet visible."""
        if self._publisher is None:
            raise Unsupported("this target publishes by itself", path=step.entry.path)
        with self._lock:
            self._steps[step.entry.path] = step
        self._publisher.add(staged)
        if self._publisher.fatal is not None:
            raise self._publisher.fatal

    def _published(self, staged: Staged, error: LiveDataError | None) -> None:
        with self._lock:
            step = self._steps.pop(staged.row.entry.path)
        if error is None:
            self._unreachable = 0
            if step.kind == "move":
                self.tally.count(moved_files=1)
            else:
                self.tally.count(copied_files=1, copied_bytes=staged.row.entry.size_bytes)
            self.progress.add(files=1)
            return
        if step.kind == "move":
            self._copy_instead(step, error)
            return
        staged.upload.abort()
        self.failed(step, error)

    # delete and finish ------------------------------------------------------------------------------------------

    def _delete(self, steps: Iterable[Step]) -> None:
        for batch in batches(self._still_there(self._to_delete(steps))):
            self.route.allow()
            failures = {failure.path: failure for failure in self.route.target.delete([s.entry for s in batch])}
            for step in batch:
                failure = failures.get(step.entry.path)
                if failure is None:
                    self._deleted(step)
                elif failure.error == "NotEmpty":
                    self.journal.add(Held(step.entry, is_gone=True))
                    self.tally.count(kept_directories=1)
                else:
                    self.tally.fail(step.entry.path, failure)

    def _to_delete(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Without what went from there with its directory, and without what did not come with one."""
        for step in steps:
            if self._carried.took(step.entry):
                self._deleted(step)
            elif step.origin is None or self._carried.has(step):
                yield step

    def _still_there(self, steps: Iterable[Step]) -> Iterator[Step]:
        with ThreadPoolExecutor(self.threads, "livedata-look") as pool:
            for batch in batches(steps):
                yield from compress(batch, pool.map(self._is_to_go, batch))

    def _is_to_go(self, step: Step) -> bool:
        """Whether it is there as it was planned. No store deletes many on a condition, so they are looked at shortly before."""
        if not self._can_be_looked_at(step.entry):
            return True
        try:
            there = peek(self.route.target, step.entry.path)
        except NotADirectory:  # a file stands above it by now
            there = None
        except LiveDataError as error:
            self.failed(step, error)
            return False
        if is_replaced(there, step) and not self.overwrites:
            written = ObjectChanged("someone else wrote this meanwhile, so it was not deleted", path=step.entry.path)
            self.failed(step, self.conflict(written))
            return False
        if there is None or there.kind != step.entry.kind:
            self._deleted(step)
            return False
        return True

    def _can_be_looked_at(self, entry: Entry) -> bool:
        target = self.route.target
        if isinstance(target, HoldsAsRecorded) and not target.is_begun():  # nothing is there that could be removed
            return False
        # A marker may have the name of a file, which would be found in its place; what has no name of ours is not found at all.
        return entry.kind == "file" or (entry.kind == "directory" and target.facts.has_directories)

    def conflict(self, error: LiveDataError) -> LiveDataError:
        """What is told of a step that someone else came before."""
        return error

    def _deleted(self, step: Step) -> None:
        if step.origin is not None:  # not known by this name, and counted by its old one
            return
        self.journal.add(Held(step.entry, is_gone=True))
        if step.entry.kind == "directory":
            self.tally.count(deleted_directories=1)
        elif step.reason != "renamed":
            self.tally.count(deleted_files=1)

    def _finish(self, steps: Iterable[Step]) -> None:
        with Pool(self.threads, "livedata-finish") as pool:
            last = ""
            for step in steps:
                if last.startswith(step.entry.key):  # its children first: afterwards it may not be entered any more
                    pool.wait()
                last = step.entry.key
                is_like = step.origin is not None and step.origin.is_like and self._carried.has(step)
                act = self._came if is_like else self._set_attributes
                pool.submit(lambda step=step, act=act: self.guarded(step, act))  # type: ignore[misc]
            pool.wait()


def batches(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """The steps in lists of at most ``DELETE_BATCH``."""
    steps = iter(steps)
    while batch := list(islice(steps, DELETE_BATCH)):
        yield batch
