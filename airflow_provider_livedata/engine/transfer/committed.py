"""Let a committed run appear, by actions within the target alone: the source may be gone.

The same phases as ``transfer``. Every step may have been carried out already by a process that died: each is idempotent, and
finds that out from what stands at the target. What someone else changed since the plan is not overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.checksums import combine
from airflow_provider_livedata.engine.counted import Counted
from airflow_provider_livedata.engine.deciding.outcome import has_carried, has_landed, has_moved
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    LiveDataError,
    ObjectChanged,
    PathMissing,
    StagedBytesGone,
    TargetTouched,
)
from airflow_provider_livedata.engine.model import Entry, Held, Phase, StagedFile, Step
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.reading.looking import peek
from airflow_provider_livedata.engine.transfer import moving
from airflow_provider_livedata.engine.transfer.bundles import Shelf
from airflow_provider_livedata.engine.transfer.landing import held
from airflow_provider_livedata.engine.transfer.phases import Transfer
from airflow_provider_livedata.engine.transfer.tally import Tally
from airflow_provider_livedata.engine.zones.base import Upload
from airflow_provider_livedata.engine.zones.powers import SetAttributes

_UNEXPECTED = (AlreadyExists, ObjectChanged, PathMissing)


@dataclass(slots=True)
class Publishing(Transfer):
    """One publishing.

    ``files`` streams what is staged. ``uploads``: those of them that this process has at hand. ``unsettled``: paths that were being
    written at the source. ``is_passed`` tells of a phase whether it was carried out to its end before, ``pass_`` notes that.
    """

    files: Callable[[], Iterable[StagedFile]] = list
    uploads: dict[str, Upload] = field(default_factory=dict)
    unsettled: frozenset[str] = frozenset()
    is_passed: Callable[[Phase], bool] = lambda _: False
    pass_: Callable[[Phase], None] = lambda _: None
    _carried_before: moving.Carried = field(default_factory=moving.Carried)
    _replacing: dict[str, str] = field(default_factory=dict)  # versions that came with directories, by path
    _shelf: Shelf = field(init=False)

    def __post_init__(self) -> None:
        self._shelf = Shelf(self.route.target)

    def run(self, steps: Callable[[Phase], Iterable[Step]]) -> Tally:
        """See ``Transfer.run``."""
        try:
            # What they took away is brought back under the same names by what follows: never twice.
            self._once("hold", steps, self._hold)
            self._carry(steps)
            self._once("clear", steps, self._delete)
            if not self.tally.failed:
                self._write(steps("write"))
            if not self.tally.failed:
                self._delete(steps("delete"))
                self._finish(steps("finish"))
        finally:
            self.journal.flush()
        return self.tally

    def _once(
        self, phase: Phase, steps: Callable[[Phase], Iterable[Step]], act: Callable[[Iterable[Step]], None]
    ) -> None:
        if self.is_passed(phase):
            return
        counted = Counted(steps(phase))
        act(counted)
        if counted.count and not self.tally.failed:
            self.journal.flush()  # what is not done again is not noted again
            self.pass_(phase)

    # write ------------------------------------------------------------------------------------------------------

    def _write(self, steps: Iterable[Step]) -> None:
        with Pool(self.threads, "livedata-publish") as pool:
            for step in steps:
                if step.kind not in ("copy", "record"):  # these were settled when it was staged
                    self._feed(step, pool)
                elif self._carried.has(step):
                    self._replacing[step.entry.path] = self._carried.over(step).expect or ""
            for file in self.files():
                pool.submit(lambda file=file: self._publish(file))  # type: ignore[misc]
            pool.wait()

    def _small_step(self, step: Step) -> None:
        super(Publishing, self)._small_step(step)
        target = self.route.target
        if step.kind == "make_directory" and isinstance(target, SetAttributes):
            # It may have been made, by a process that died before it was given them.
            target.set_attributes(step.entry.path, self.route.attributes(step.entry))

    def _publish(self, file: StagedFile) -> None:
        expect = self._replacing.get(file.row.entry.path, file.expect)
        step = Step("copy", "write", file.row.entry, "staged", expect, or_absent=file.or_absent)
        try:
            self.route.allow()
            landed = self._landed_or_there(step, file)
        except LiveDataError as error:
            self.failed(step, error)
            return
        self._unreachable = 0
        self.journal.add(held(file.row.entry, combine(file.parts), landed, settled=file.row.is_settled))
        self.progress.add(files=1)

    def _landed_or_there(self, step: Step, file: StagedFile) -> Entry:
        try:
            return self._complete(step, file)
        except (*_UNEXPECTED, StagedBytesGone, ChecksumMismatch) as error:
            there = self.route.target.stat(step.entry.path)
            if there is None or not has_landed(there, file.row):
                raise _conflict(error) from error
            return there

    def _complete(self, step: Step, file: StagedFile) -> Entry:
        entry = file.row.entry
        upload = self.uploads.pop(entry.path, None) or self._shelf.take_up(
            entry.path, file.token, entry.size_bytes, attributes=self.route.attributes(entry)
        )
        if upload is None:
            raise StagedBytesGone("the staged bytes of this file are gone", path=entry.path)
        try:
            return upload.complete(file.parts, combine(file.parts), expect=self.route.expect(step))
        except PathMissing as error:
            raise StagedBytesGone("the staged bytes of this file are gone", path=entry.path) from error

    # renamed files ----------------------------------------------------------------------------------------------

    def _move(self, step: Step) -> None:
        self.guarded(step, self._move_or_there)

    def _move_or_there(self, step: Step) -> None:
        try:
            row = moving.move(step, self.route, self)
        except _UNEXPECTED as error:
            row = self._moved_before(step, error)
        self._moved(step, row._replace(is_settled=self._is_settled(step)))

    def _moved_before(self, step: Step, error: LiveDataError) -> Held:
        target, origin = self.route.target, step.origin
        there = target.stat(step.entry.path)
        if there is None or origin is None or not has_moved(there, target.stat(origin.path), step):
            raise _conflict(error) from error
        if isinstance(target, SetAttributes):
            there = target.set_attributes(step.entry.path, self.route.attributes(step.entry))
        return held(step.entry, moving.proved_checksum(step), there, settled=True)

    # renamed directories ----------------------------------------------------------------------------------------

    def _known_before(self, renames: list[Step], steps: Callable[[Phase], Iterable[Step]]) -> list[Step]:
        """Those that are to be moved yet: the plan of a committed run tells the next one what is coming."""
        target, left = self.route.target, []
        for step in renames:
            origin = step.origin
            if origin is not None and has_carried(peek(target, step.entry.path), peek(target, origin.path)):
                self._carried.add(step)
                self._carried_before.add(step)
            else:
                left.append(step)
        # Without them what stands in the way was cleared: what would come now has to be brought file by file too.
        return [] if self.is_passed("clear") else left

    def _came(self, step: Step) -> None:
        if step.kind == "move" and step.origin is not None and self._carried_before.has(step):
            there = peek(self.route.target, step.entry.path)  # whoever moved the directory, this file is to be the one
            was_set = not step.origin.is_like and there is not None and there.size_bytes == step.entry.size_bytes
            if there is None or (there.version != step.origin.version and not was_set):
                raise _conflict(ObjectChanged("not what came with its directory", path=step.entry.path))
        super(Publishing, self)._came(step)

    def _is_settled(self, step: Step) -> bool:
        return step.entry.path not in self.unsettled  # the source was asked when it was staged

    def conflict(self, error: LiveDataError) -> LiveDataError:
        """See ``Transfer.conflict``."""
        return _conflict(error)


def _conflict(error: LiveDataError) -> LiveDataError:
    if isinstance(error, (StagedBytesGone, ChecksumMismatch)):
        return error
    return TargetTouched(
        f"someone else changed this at the target since the run was committed ({error}); move it away, or run again with "
        "foreign='replace' to overwrite it"
    )
