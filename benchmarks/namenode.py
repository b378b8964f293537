"""What the NameNode is asked for while small files are copied from it: calls by name, by RPC and by WebHDFS.

RPC calls are counted by the NameNode itself (JMX, RpcDetailedActivity); WebHDFS calls do not pass there, and are counted in
its audit log. What DataNodes ask is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import nullcontext
from typing import Any

from benchmarks import contenders
from benchmarks.results import say
from benchmarks.shapes import KIB, Shape, Size
from benchmarks.site import Site

# What DataNodes say, and WebHDFS calls without their names.
_OTHERS = {
    "SendHeartbeat",
    "BlockReceivedAndDeleted",
    "BlockReport",
    "RegisterDatanode",
    "VersionRequest",
    "(external)",
}
_AUDIT = re.compile(r"FSNamesystem\.audit: allowed=.*?\tcmd=(\S+).*?\tproto=webhdfs")


def measure(site: Site, size: Size, chosen: frozenset[str]) -> dict[str, Any]:
    """{"files": 2000, "calls": {"ours": {"rpc GetBlockLocations": 2000, ...}, ...}}."""
    shape = Shape("counted", size.counted_files, 4 * KIB)
    calls: dict[str, Any] = {}
    with site.filled("hdfs", shape) as source:
        copies = {"ours": contenders.ours(), "ours, a file open": contenders.ours()}
        copies |= {"rclone": contenders.rclone(site, shape)} if "rclone" in chosen else {}
        copies |= {"distcp": contenders.distcp(site)} if "distcp" in chosen else {}
        for name, copy in copies.items():
            target = site.fresh("s3")
            with site.open_file() if name == "ours, a file open" else nullcontext():
                before = counted(site)
                copy(source, target)
                calls[name] = dict((counted(site) - before).most_common())
            site.check(target, shape)
            say(f"NameNode calls a file, {name}: {sum(calls[name].values()) / shape.files:.2f}")
    return {"files": shape.files, "calls": calls}


def counted(site: Site) -> Counter[str]:
    """Calls so far, by name."""
    site.settle()
    found = Counter(f"webhdfs {one}" for one in _AUDIT.findall(site.hdfs.log()))
    bean = site.hdfs.jmx(f"Hadoop:service=NameNode,name=RpcDetailedActivityForPort{site.hdfs.rpc_port}")
    for key, value in bean.items():
        name = key.removesuffix("NumOps")
        if name != key and name not in _OTHERS and not name.startswith("Overall") and "Exception" not in name:
            found[f"rpc {name}"] = int(value)
    return found
