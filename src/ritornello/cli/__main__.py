"""``python -m ritornello.cli`` is ``ritornello``."""

from ritornello.cli import main

main()
