#!/bin/sh
# Prints a Python that Lemnos runs on (3.11 to 3.14): $PYTHON if set, else the one already in
# .venv, else the first fitting one on the PATH.

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    candidates=$PYTHON
else
    candidates='.venv/bin/python python3 python3.13 python3.12 python3.11 python3.14'
fi
for candidate in $candidates; do
    if fits "$candidate"; then
        echo "$candidate"
        exit 0
    fi
done

echo "Lemnos needs Python 3.11 to 3.14, and none of these is one: $candidates" >&2
echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name it:" >&2
echo "    make PYTHON=/path/to/python3.12 ..." >&2
exit 1
