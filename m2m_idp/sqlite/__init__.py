"""Django's SQLite, on a file that is there: nothing but `manage.py migrate` makes one."""
