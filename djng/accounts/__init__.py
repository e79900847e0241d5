"""The pages of Django's account URLs, as an app."""
