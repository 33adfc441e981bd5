"""What older releases have written down, and the program that records it.

`record` makes the histories of orchestrations, a folder for each version of `process_submission`,
with the `describe_media` that it calls. A file that was released is never recorded again: it is
what an instance in flight looks like. `values`, `databases` and `names` hold the other things that
outlive a release. docs/changing.md says what to do when a test points here.
"""
