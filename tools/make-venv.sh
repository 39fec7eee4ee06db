#!/bin/sh
# Creates the virtual environment named in $1 with the first usable Python: version 3.11 to 3.13,
# able to make environments. PYTHON=/path/to/python chooses one by hand.
set -eu
target=$1

usable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

found_without_venv=
for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
    usable "$candidate" || continue
    if ! "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        found_without_venv=$candidate
        continue
    fi
    echo "Creating $target with $("$candidate" --version)"
    exec "$candidate" -m venv --clear "$target"
done

if [ -n "$found_without_venv" ]; then
    echo "error: $found_without_venv is the right version but cannot create virtual environments." >&2
    echo "       On Debian and Ubuntu: apt-get install python3-venv. Then run make again." >&2
else
    echo "error: Stemhouse needs Python 3.11, 3.12 or 3.13; none of ${PYTHON:-python3.13, python3.12," \
        "python3.11, python3} is one." >&2
    echo "       Install one, or name it: make PYTHON=/path/to/python3.12" >&2
fi
exit 1
