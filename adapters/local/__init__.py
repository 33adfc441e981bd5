"""Every port on one machine: folders, SQLite, child processes."""
