"""``python blog.py eject DIR``: write the Django project that the file has been all along.

The running site knows what is wired where, and the source text knows the words. `source` reads the
file, `plan` gives each statement a module, `views` and `wiring` rewrite what names djng, `urls` and
`settings` write what it did, `imports` completes each module, and `project` puts all on the disk.
"""
