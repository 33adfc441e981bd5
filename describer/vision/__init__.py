"""The local models, one file each: an upright RGB picture in, findings out. No I/O, no policy."""
