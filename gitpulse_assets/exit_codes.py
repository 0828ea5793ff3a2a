"""What the command line's exit codes mean; scripts rely on them."""

DONE = 0
FAILED = 1
WRONG_USE = 2
PARTIAL = 3
