"""``python blog.py eject DIR``: write the Django project that the file has been all along.

The running site says what is wired where. The source text says how it is written.

read the file       `source` its statements and names, `wiring` what djng's decorators do in it
plan the modules    `plan` gives each statement a module, `beside` brings the files around it
rewrite views       `views` and `returns`
write the modules   `urls`, `middleware`, `classes`, `settings`, `accounts`; `modules` adds helpers
                    and imports, `layout` puts text into lines, `files/` has what is written as is
report              `project` puts all together, and `report` says what a person has to look at
"""
