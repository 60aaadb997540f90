"""`manage.py demo`: everything on one machine with one command, looked after until Ctrl-C."""
