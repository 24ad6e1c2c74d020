"""`python -m tests.warm FD`: the process that forks, with the socket over which it is told what."""

from tests.warm.forking import main

main()
