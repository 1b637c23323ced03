"""What an operator does about a row that the database did not take, by what the database says."""

import re

MENDS = (
    (
        re.compile(r"disk is full|No space left|could not (?:extend|write)|File too large|disk I/O error"),
        "Free space on the disk of the database, or repair the disk.",
    ),
    (
        re.compile(r"readonly database|read-only transaction|during recovery"),
        (
            "Let DATABASE_URL name the primary, not a standby, and end default_transaction_read_only "
            "(PostgreSQL); let the server's user write to the file and its directory (SQLite)."
        ),
    ),
    (
        re.compile(r"permission denied"),
        "Run deploy/postgresql-roles.sql as the owner of the tables, which grants what the server needs.",
    ),
    (
        re.compile(r"is locked|lock timeout|statement timeout"),
        "Another process holds a lock on the database: wait until it ends, or end it.",
    ),
    (
        re.compile(
            r"malformed|not a database|corrupt|unexpected zero page|could not read block|invalid page"
        ),
        "The database is damaged: try REINDEX, and else restore the backup.",
    ),
    (
        re.compile(r"did not store the row"),
        "A trigger of the database takes rows out of the record: drop it.",
    ),
    (
        re.compile(r"no such (?:table|column)|has no column|(?:relation|column) .+ does not exist"),
        "The database lacks tables or columns of this version: run manage.py migrate.",
    ),
)
OTHERWISE = "The log of the database may tell more."


def mend_of(reason: str) -> str:
    return next((mend for pattern, mend in MENDS if pattern.search(reason)), OTHERWISE)
