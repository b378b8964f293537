"""A directory of very many files on HDFS, made cheaply, and the changes that its users make, the same ones for every contender."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from benchmarks.site import Site

if TYPE_CHECKING:
    from hdfs_native import Client

FILES_A_DIRECTORY = 250
MAKERS = 16
MOST_BYTES = 8 << 10


class History:
    """The files below ``/<path>``. Files have no bytes at first, and no blocks: so half a million are made in minutes."""

    def __init__(self, site: Site, path: str, files: int) -> None:
        import hdfs_native

        self.path, self._hdfs, self._root, self._site = path, hdfs_native, f"/{path}", site
        self._client: Client = hdfs_native.Client(site.hdfs.uri)
        self._chance, self._made = random.Random(files), files
        self._files = [f"d{n // FILES_A_DIRECTORY:05d}/f{n:07d}" for n in range(files)]
        self._sizes = iter(range(1, MOST_BYTES * 1000))  # none twice in a row: --size-only is to see each change

    @property
    def files(self) -> int:
        """How many there are now."""
        return len(self._files)

    def make(self) -> None:
        """Make all files."""
        self._site.hdfs.mkdirs(self._root)
        self._write_all((path, b"") for path in self._files)

    def change(self, count: int) -> None:
        """Change this many files: of ten, six are written anew, two made, one is renamed and one deleted."""
        self._write_all((path, self._bytes()) for path in self._chosen(count * 6 // 10))
        for path in self._chosen(count // 10):
            self._client.delete(f"{self._root}/{path}", recursive=False)
            self._files.remove(path)
        for path in self._chosen(count // 10):
            self._client.rename(f"{self._root}/{path}", f"{self._root}/{path}-renamed")
            self._files[self._files.index(path)] = f"{path}-renamed"
        self._write_all(self._another() for _ in range(count - count * 6 // 10 - 2 * (count // 10)))

    def add(self) -> None:
        """Make one more file."""
        self._write(*self._another())

    def _another(self) -> tuple[str, bytes]:
        self._made += 1
        path = f"d{self._chance.randrange(1 + self._made // FILES_A_DIRECTORY):05d}/n{self._made:07d}"
        self._files.append(path)
        return path, self._bytes()

    def _chosen(self, count: int) -> Iterator[str]:
        yield from self._chance.sample(self._files, min(count, len(self._files)))

    def _bytes(self) -> bytes:
        return self._chance.randbytes(next(self._sizes) % MOST_BYTES + 1)

    def _write_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        with ThreadPoolExecutor(MAKERS) as pool:  # a file takes HDFS up to half a second to close
            list(pool.map(lambda file: self._write(*file), files))

    def _write(self, path: str, data: bytes) -> None:
        writer = self._client.create(f"{self._root}/{path}", self._hdfs.WriteOptions(overwrite=True))
        if data:
            writer.write(data)
        writer.close()
