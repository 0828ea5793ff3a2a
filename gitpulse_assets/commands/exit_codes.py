"""What the command line's exit codes mean; scripts rely on them."""

DONE = 0
FAILED = 1
WRONG_USE = 2
PARTIAL = 3
# As shells say it of a program that Ctrl-C ended, so that a loop around code 3 ends with it.
INTERRUPTED = 130
