"""Description jobs on Azure: what is open, what runs in which container, what became of it."""
