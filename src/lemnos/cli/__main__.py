"""``python -m lemnos.cli``."""

from lemnos.cli import main

main()
