"""The command-line tools: flags in, one library call, where the result is."""
