"""`python -m jobs.cli`, where the console script is not on the path."""

from jobs.cli.app import main

main()
