"""Where WebHDFS redirects to: the same path on another node, however Java writes it. For every client that speaks WebHDFS."""

from __future__ import annotations

from urllib.parse import urlsplit

ROOT = "/webhdfs/v1/"


def same_path(asked: str, location: str) -> str:
    """``location`` with the path of ``asked``, where it leads to a node of the cluster and not to a gateway.

    Java composes what it writes into a redirect (Unicode's NFC), even the C of a %5C with an accent that follows it: names
    become those of other files, or nonsense. Source: java.net.URI.toASCIIString.
    """
    left, right = urlsplit(asked), urlsplit(location)
    _, root, path = left.path.partition(ROOT)
    return right._replace(path=root + path).geturl() if root and right.path.startswith(ROOT) else location
