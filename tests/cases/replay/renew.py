#!/usr/bin/env python3
"""Write what is decided now into `expect` of the recorded lines: renew.py HEXLAG"""

import glob
import json
import os
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))

for lines in sorted(glob.glob(os.path.join(FOLDER, "*.jsonl"))):
    conf = lines[: -len("jsonl")] + "conf"
    with open(lines, encoding="utf-8") as f:
        asked = f.read()
    told = subprocess.run(
        [sys.argv[1], "replay", "-c", conf], input=asked, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    with open(lines, "w", encoding="utf-8") as f:
        for line, answer in zip(asked.splitlines(), told.splitlines()):
            both, got = json.loads(line), json.loads(answer)
            both["expect"] = {k: got[k] for k in ("want", "write", "reason")}
            f.write(json.dumps(both, separators=(",", ":")) + "\n")
