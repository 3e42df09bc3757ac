"""What /proc tells of a process: memory by mapping, CPU time by thread."""

import collections
import os
import re

_HEAD = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \S+ *(.*)$")


def rollup(pid):
    """Rss, Anonymous and the rest of smaps_rollup, in KiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return {m[1]: int(m[2]) for m in re.finditer(r"^(\w+): +(\d+) kB$", f.read(), re.M)}


def mappings(pid):
    """A dict of KiB for each mapping; "name" is its file, "[heap]" and the like, or ""."""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as f:
        for line in f:
            head = _HEAD.match(line)
            if head:
                found.append({"name": head[2], "mode": head[1]})
            elif line.endswith(" kB\n"):
                key, value, _ = line.split()
                found[-1][key.rstrip(":")] = int(value)
    return found


def largest_anonymous(pid, count):
    """Lines on the mappings with the most anonymous memory."""
    ranked = sorted(mappings(pid), key=lambda m: -m["Anonymous"])[:count]
    return [f"{m['Anonymous']:6} KiB anonymous of {m['Size']:7} {m['mode']} {m['name'] or 'no name'}"
            for m in ranked]


def largest_files(pid, count):
    """Lines on the files with the most resident pages, over all their mappings."""
    by_file = collections.Counter()
    for m in mappings(pid):
        if m["name"].startswith("/"):
            by_file[os.path.basename(m["name"])] += m["Rss"]
    return [f"{kib:6} KiB resident {name}" for name, kib in by_file.most_common(count)]


def threads(pid):
    """(name, seconds on a CPU) of each thread that lives, most first."""
    found = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        base = f"/proc/{pid}/task/{tid}"
        try:
            with open(f"{base}/comm", encoding="utf-8") as comm, \
                    open(f"{base}/schedstat", encoding="ascii") as stat:
                found.append((comm.read().strip(), int(stat.read().split()[0]) / 1e9))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return sorted(found, key=lambda t: -t[1])
