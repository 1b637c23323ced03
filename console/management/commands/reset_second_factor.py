"""manage.py reset_second_factor: for the superuser whom nobody else can let in."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from console.sign_in import second_factor
from console.sign_in.sessions import end_all


class Command(BaseCommand):
    help = "Take away the second factor of a user who has lost it; the user's sessions end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="Why; it is kept in the record.")

    def handle(self, *, username: str, reason: str, **_options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username}.")
        if not second_factor.remove(user, how=f"reset: {reason}"):
            raise CommandError(f"{username} has no second factor.")
        end_all(user, why="The second factor was reset.")
        self.stdout.write(f"{username} has no second factor now, and is signed out.")
