#!/bin/sh
# Installs the wheel $1 into a new environment, as a user would, separates one second of audio with
# it, and starts the service from it.
set -eu
wheel=$1
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

tools/make-venv.sh "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    -r requirements/run.txt
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$wheel"
"$work/venv/bin/python" -m pip check

"$work/venv/bin/python" - examples/voice-over-guitars.flac "$work/second.wav" <<'PYTHON'
import sys

import soundfile

samples, sample_rate = soundfile.read(sys.argv[1], stop=44_100)
soundfile.write(sys.argv[2], samples, sample_rate)
PYTHON

"$work/venv/bin/stemhouse" models pull spleeter-2stems
"$work/venv/bin/stemhouse" separate "$work/second.wav" -o "$work/stems"
"$work/venv/bin/python" - "$work/stems" <<'PYTHON'
import sys
from pathlib import Path

import soundfile

stems = sorted(Path(sys.argv[1]).rglob("*.wav"))
lengths = [soundfile.info(stem).frames for stem in stems]
if lengths != [44_100, 44_100]:
    sys.exit(f"error: expected two stems of 44,100 samples, got {stems} of {lengths}")
print(f"The wheel separates: {', '.join(stem.name for stem in stems)}, {lengths[0]} samples each.")
PYTHON

# Migrations, templates, assets and sites are files beside the code: only a wheel can lack them.
port=$("$work/venv/bin/python" -c \
    'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/venv/bin/stemhouse" serve --port "$port" --data-dir "$work/data" 2>"$work/log" &
server=$!
"$work/venv/bin/python" - "http://127.0.0.1:$port" "$work/log" <<'PYTHON'
import json
import re
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

address, log = sys.argv[1:]


def read(path):
    with urlopen(address + path, timeout=10) as answer:
        return answer.read().decode()


deadline = time.monotonic() + 60
while True:
    try:
        read("/readyz")
        break
    except URLError:
        if time.monotonic() > deadline:
            sys.exit("error: the service does not become ready:\n" + Path(log).read_text())
        time.sleep(0.2)
assets = set(re.findall(r'(?:src|href)="(/[^"#?]+\.(?:js|css|svg))', read("/")))
for asset in assets:
    read(asset)
site = json.loads(read("/s/acapella/v1/site"))
if site["name"] != "acapella" or not site["outputs"]:
    sys.exit(f"error: the site acapella is not served as its file says, but as {site}")
routes = json.loads(read("/openapi.json"))["paths"]
if not assets or "/v1/jobs" not in routes:
    sys.exit(f"error: the page names the assets {assets}, the API has {len(routes)} routes")
print(f"The wheel serves: its page with {len(assets)} assets, and {len(routes)} routes.")
PYTHON
