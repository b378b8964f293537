"""Every failure of the engine. Each says what went wrong, where, whether trying again can help, and the way out.

LiveDataError
|-- BadInput                  the request cannot be served as it is: change it
|   |-- BadConfiguration      livedata.yaml has entries that cannot be used
|   |-- BadAddress            not an address, or it escapes its zone
|   |-- BadOption             an option has a value that it cannot have
|   |-- UnknownScheme         no zone serves this scheme (or its extra is not installed)
|   `-- PathsOverlap          source and target are the same place, or one lies inside the other
|-- ZoneError                 a store said no
|   |-- PathMissing           nothing is there
|   |-- BucketMissing         the bucket or container is not there
|   |-- NotADirectory         a file stands where a directory should be
|   |-- IsADirectory          a directory stands where a file should be
|   |-- NotEmpty              a directory that should go still holds entries
|   |-- PermissionRefused     the principal may not do that
|   |-- CredentialsRefused    the store does not accept the credentials
|   |-- NameRefused           the store cannot hold this name
|   |-- Unsupported           the store cannot do that at all
|   |-- StoreFull             no space or quota left
|   |-- ObjectChanged         it was replaced while being read or before being written     (retryable)
|   |-- AlreadyExists         a create-only write found something there
|   |-- StagedBytesGone       what was staged for a file was removed before it was published
|   |-- CorruptSource         the source's own checksum refuses its bytes
|   |-- ChecksumMismatch      the bytes that arrived are not the bytes that were sent       (retryable)
|   |-- ZoneBusy              throttled                                                     (retryable)
|   `-- ZoneUnreachable       no answer, or the connection broke                            (retryable)
|-- CatalogueError            a catalogue of tables said no
|   |-- MetastoreRefused      the metastore refuses the call as it is
|   |   `-- PartitionsRefused it took others of the same batch
|   |-- MetastoreUnreachable  no metastore answers, or the connection broke                 (retryable)
|   |-- MetastoreBusy         it throttles                                                  (retryable)
|   |-- ObjectExists          there is a database, table or function of that name
|   |-- ObjectMissing         there is none
|   `-- ChangesLost           the catalogue no longer tells all changes since the last sync
|-- PolicyStoreError          a system that keeps policies said no
|   |-- PolicyRefused         it refuses the request as it is
|   |-- PolicyAccessRefused   it does not accept the user, or does not let them do that
|   |-- PolicyMissing         there is no service or policy of that name
|   |-- PolicyStoreBusy       it throttles, or somebody changes the same policy           (retryable)
|   `-- PolicyStoreUnreachable  no answer, or it failed by itself                         (retryable)
|-- SnapshotRefused           the location cannot be snapshotted
|-- UnsortedListing           a listing broke the path order, so nothing may be concluded from it
|-- RunRefused                a guard stopped the run before it changed anything
|   |-- TooManyDeletes        more would be deleted than max_delete_ratio allows
|   |-- SourceEmpty           the source holds nothing while the target does
|   |-- FilterChanged         the filter or source is not the one that the target was made with
|   |-- TargetTouched         someone else wrote to the target
|   |-- CannotHold            entries that the target cannot hold, or that are neither file nor directory
|   |-- PlaceNotAllowed       the target takes tables at places alone that somebody has allowed, and this is none
|   |-- StillChanging         a final round found differences: writers are still at work
|   |-- WritersNotBlocked     the source was to be closed to its writers, and cannot be by us
|   |-- NotAtRest             a copy that is to be copied on is not complete
|   |-- NoCheckpoint          nothing was ever copied completely, so there is nothing to switch to
|   |-- BackupMissing         there is no such backup
|   |-- BackupUnusable        the backup is incomplete, damaged or on its way out
|   |-- PublishingCutOff      a committed run was cut off, and someone has to say how to go on
|   |-- DestinationTaken      what is at the destination forbids a restore of this kind
|   |-- DestinationNewer      a restore would replace or delete what is newer than the backup
|   `-- WrongSide             the roles of the two sides do not allow this direction, or this switch
|       |-- TargetIsActive    the target was made the active side
|       `-- HomeMoved         the home of a location is another zone than was said
|-- TargetHeld                another run holds the target's lease                          (retryable)
|-- LeaseLost                 this run lost its lease and changed nothing more              (retryable)
|-- WindowClosed              the time of day in which bytes may be moved is over, or has not come
|-- NoShare                   no share of a zone's bandwidth could be had beside other runs   (retryable)
|-- StateDamaged              a file in .livedata is not what its writer left
|-- LiveFailed                cycles of a live replication failed, one after the other        (retryable)
|-- RunFailed                 some items failed; the report says which                      (retryable)
|-- ConflictsLeft             both sides changed paths, and nobody said which of them holds
`-- VerifyFailed              source and target differ; the report says where
"""

from __future__ import annotations

from typing import Any, ClassVar


class LiveDataError(Exception):
    """Base of every engine failure: what went wrong, where, and whether trying again can help.

    ``what`` is one sentence that names the way out where there is one; ``where`` holds plain values (addresses,
    paths, numbers), never a secret. Survives pickling.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, what: str, **where: Any) -> None:
        super().__init__(what)  # one positional argument, the rest in __dict__: survives pickling
        self.where = where

    def __str__(self) -> str:
        what = str(self.args[0]) if self.args else type(self).__name__
        details = ", ".join(f"{name}={value!r}" for name, value in self.where.items() if value is not None)
        return f"{what} ({details})" if details else what


class BadInput(LiveDataError):
    """The request cannot be served as it is; nothing was changed."""


class BadConfiguration(BadInput):
    """A configuration file has entries that cannot be used; the message names each with its line."""


class BadAddress(BadInput):
    """Not an address of the form ``scheme://[conn_id@]authority/path``, or one that escapes its zone."""


class BadOption(BadInput):
    """An option has a value that it cannot have."""


class UnknownScheme(BadInput):
    """No zone serves this scheme, or the extra that brings it is not installed."""


class PathsOverlap(BadInput):
    """Source and target are the same place, or one lies inside the other."""


class ZoneError(LiveDataError):
    """A store refused or failed an operation."""


class PathMissing(ZoneError):
    """Nothing is at the path."""


class BucketMissing(PathMissing):
    """The bucket or container does not exist."""


class NotADirectory(ZoneError):
    """A file stands where a directory should be."""


class IsADirectory(ZoneError):
    """A directory stands where a file should be."""


class NotEmpty(ZoneError):
    """A directory that should be removed still holds entries."""


class PermissionRefused(ZoneError):
    """The principal may not do that."""


class CredentialsRefused(ZoneError):
    """The store does not accept the credentials."""


class NameRefused(ZoneError):
    """The store cannot hold this name."""


class Unsupported(ZoneError):
    """The store cannot do that at all."""


class StoreFull(ZoneError):
    """No space or no quota is left."""


class ObjectChanged(ZoneError):
    """It was replaced while being read, or is not what the writer expected to replace; nothing read so far counts."""

    retryable = True


class AlreadyExists(ZoneError):
    """A create-only write found something at its path."""


class StagedBytesGone(ZoneError):
    """What was staged for a file is not there any more: someone, or a rule of the store, removed it before it was published."""


class CorruptSource(ZoneError):
    """The source's own checksum refuses its bytes: no replica that can be read is intact."""


class ChecksumMismatch(ZoneError):
    """The bytes that arrived are not the bytes that were sent. The step is redone, never skipped."""

    retryable = True


class ZoneBusy(ZoneError):
    """The store throttles; worth a retry after a while."""

    retryable = True


class ZoneUnreachable(ZoneError):
    """The store did not answer or the connection broke; whether the operation took place is unknown."""

    retryable = True


class CatalogueError(LiveDataError):
    """A catalogue of tables refused or failed a call."""


class MetastoreRefused(CatalogueError):
    """The metastore refuses the call as it is; the message holds its own words."""


class PartitionsRefused(MetastoreRefused):
    """The metastore refuses some partitions of a batch and took the others; ``where["refused"]`` has why, by name."""


class MetastoreUnreachable(CatalogueError):
    """No metastore answered or the connection broke; whether a change took place is unknown."""

    retryable = True


class MetastoreBusy(CatalogueError):
    """The metastore throttles, or somebody else changes the same object at this moment; nothing was changed."""

    retryable = True


class ObjectExists(CatalogueError):
    """There is a database, table, partition or function of that name already."""


class ObjectMissing(CatalogueError):
    """There is no database, table, partition or function of that name."""


class ChangesLost(CatalogueError):
    """The catalogue's log no longer tells all changes since the last sync; a full comparison finds them."""


class PolicyStoreError(LiveDataError):
    """A system that keeps policies refused or failed a request."""


class PolicyRefused(PolicyStoreError):
    """It refuses the request as it is; the message holds its own words."""


class PolicyAccessRefused(PolicyStoreError):
    """It does not accept the user, or does not let them do that."""


class PolicyMissing(PolicyStoreError):
    """There is no service or policy of that name."""


class PolicyStoreBusy(PolicyStoreError):
    """It throttles, or somebody else changes the same policy at this moment; nothing was changed."""

    retryable = True


class PolicyStoreUnreachable(PolicyStoreError):
    """It did not answer or failed by itself; whether a change took place is unknown."""

    retryable = True


class SnapshotRefused(LiveDataError):
    """The location cannot be snapshotted; the message holds the command that an administrator has to run."""


class UnsortedListing(LiveDataError):
    """A listing broke the path order: pairing it would make kept files look removed."""


class RunRefused(LiveDataError):
    """A guard stopped the run before it changed anything."""


class TooManyDeletes(RunRefused):
    """More would be deleted than ``max_delete_ratio`` allows."""


class SourceEmpty(RunRefused):
    """The source holds nothing while the target does."""


class FilterChanged(RunRefused):
    """The filter or the source is not the one that the target was made with."""


class TargetTouched(RunRefused):
    """Someone else wrote to the target."""


class CannotHold(RunRefused):
    """The source has entries that the target cannot hold, or that are neither file nor directory."""


class PlaceNotAllowed(RunRefused):
    """The catalogue takes tables at places alone that somebody has allowed; the message says how to allow those."""


class StillChanging(RunRefused):
    """A round that had to be empty found differences."""


class WritersNotBlocked(RunRefused):
    """The location of the source was to be closed to its writers, and this user or store cannot do that."""


class NotAtRest(RunRefused):
    """A copy that is to be copied on is not complete."""


class NoCheckpoint(RunRefused):
    """Nothing was ever copied completely to this target, so there is nothing to switch to."""


class BackupMissing(RunRefused):
    """There is no backup of that name or time."""


class BackupUnusable(RunRefused):
    """The backup is incomplete, damaged, or on its way out: it is not restored."""


class PublishingCutOff(RunRefused):
    """A committed run was cut off while it was published, and someone has to say how to go on."""


class DestinationTaken(RunRefused):
    """What is at the destination forbids a restore of this kind."""


class DestinationNewer(RunRefused):
    """A restore would replace or delete what is newer than the backup, or was changed since."""


class WrongSide(RunRefused):
    """The roles of the two sides do not allow this direction, or this switch."""


class TargetIsActive(WrongSide):
    """The target was made the active side: a replication into it would overwrite what is written there."""


class HomeMoved(WrongSide):
    """The home of a location is another zone than was said."""


class TargetHeld(LiveDataError):
    """Another run holds the lease of this target."""

    retryable = True


class LeaseLost(LiveDataError):
    """This run lost its lease, stopped by itself and changed nothing more."""

    retryable = True


class WindowClosed(LiveDataError):
    """Nothing may be moved at this time of day; what landed stays known. ``where["opens"]``: when it may be again (ISO 8601), None: never."""


class NoShare(LiveDataError):
    """A zone's bandwidth is shared with other runs, and this one could not find out what its share is."""

    retryable = True


class StateDamaged(LiveDataError):
    """A file in ``.livedata`` is not what its writer left."""


class RunFailed(LiveDataError):
    """Some items failed while the others landed; the checkpoint stays where it was. ``report`` is the stored report."""

    retryable = True
    report: Any = None


class ConflictsLeft(LiveDataError):
    """Both sides of a two-way sync changed some paths, and were left as they are there; everything else was synced. ``report`` lists them."""

    report: Any = None


class LiveFailed(LiveDataError):
    """Cycles of a live replication failed one after the other; ``report`` is the stored report of the last, if it wrote one."""

    retryable = True
    report: Any = None


class VerifyFailed(LiveDataError):
    """Source and target differ; ``report`` names each path and the kind of difference."""

    report: Any = None
