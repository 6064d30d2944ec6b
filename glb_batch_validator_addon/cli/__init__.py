"""The command line: arguments, exit codes, progress on a terminal. Puts storage, launcher and engine together."""
