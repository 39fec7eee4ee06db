#!/bin/sh
# Installs the wheel $1 into a new environment, as a user would, and separates one second of audio.
set -eu
wheel=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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
