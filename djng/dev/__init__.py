"""What only ``runserver`` imports: reloader, error page, hints, migrations and sign-in link.

A site that a production server runs imports nothing of this folder.
"""
