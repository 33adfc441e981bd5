"""Description jobs on this machine: the table, who is next, the child processes."""
