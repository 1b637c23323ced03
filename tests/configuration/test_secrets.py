"""The secrets of a relying party: identified by their labels, given by reference, never taken away by a file."""

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from relying_parties.models import ClientSecret
from relying_parties.secrets.credentials import add_chosen_secret, revoke_secret
from tests.configuration.files import applied, details, problems_of
from tests.support.cast import Cast
from tests.support.wire import ask, basic

OF_BILLING = "of client billing of oidc_m2m"


def billing(secret: str) -> str:
    return f"relying_parties: [{{issuer: oidc_m2m, client_id: billing, secrets: [{secret}]}}]"


def from_variable(label: str = "second") -> str:
    return billing(f"{{label: {label}, secret_from: {{env: SECRET}}}}")


def problem_of(
    text: str, *, environment: dict[str, str] | None = None, folder: Path = Path(), at: str = "{env"
) -> str:
    """The one problem of this line of a file, which is reported where `at` stands."""
    (line,) = problems_of(text, environment=environment, folder=folder)
    location = f"f:1:{text.index(at) + 1}: "
    assert line.startswith(location)
    return line.removeprefix(location)


def is_accepted(text: str) -> bool:
    return ask(auth=basic("billing", text)).status == 200


@pytest.mark.django_db
def test_a_secret_comes_from_a_variable() -> None:
    plan = applied(from_variable(), environment={"SECRET": "pass:wörd %41"})

    assert details(plan) == [f"+ client secret second {OF_BILLING}"]
    assert is_accepted("pass:wörd %41")
    assert ClientSecret.objects.get(label="second").chosen


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
@pytest.mark.django_db
def test_a_secret_comes_from_a_file_beside_the_configuration(tmp_path: Path, ending: str) -> None:
    (tmp_path / "billing.secret").write_bytes(f"from a file{ending}".encode())

    applied(billing("{label: second, secret_from: {file: billing.secret}}"), folder=tmp_path)

    assert is_accepted("from a file")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"", "is empty, or longer than 65536 bytes."),
        (b"x" * 65_537, "is empty, or longer than 65536 bytes."),
        (b"s3cret \xff", "is not UTF-8."),
    ],
)
@pytest.mark.django_db
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)

    told = problem_of(billing("{label: second, secret_from: {file: x}}"), folder=tmp_path, at="{file")

    assert told == f"secret_from: {tmp_path / 'x'} {problem}"


def make_folder(path: Path) -> None:
    path.mkdir()


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize("make", [os.mkfifo, make_folder, make_device, make_socket])
@pytest.mark.django_db
def test_what_is_no_file_is_refused_at_once(make: Callable[[Path], None]) -> None:
    # A socket's path has 107 characters at most.
    with tempfile.TemporaryDirectory() as folder, interrupted_after(seconds=20):
        make(Path(folder) / "x")
        told = problem_of(billing("{label: second, secret_from: {file: x}}"), folder=Path(folder), at="{file")

    assert told == (
        f"secret_from: {folder}/x is not a regular file: give a file, not a directory, pipe, socket or device."
    )


@contextmanager
def interrupted_after(*, seconds: int) -> Iterator[None]:
    """A wait without end in the block raises InterruptedError instead."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("environment", [{}, {"SECRET": ""}])
@pytest.mark.django_db
def test_a_variable_that_is_not_set_is_refused(environment: dict[str, str]) -> None:
    told = problem_of(from_variable(), environment=environment)

    assert told == "secret_from: the environment variable SECRET is not set, or empty."


@pytest.mark.django_db
def test_the_value_is_in_no_plan_and_no_refusal() -> None:
    plan = applied(from_variable(), environment={"SECRET": "hunter2-hunter2"})
    lines = problems_of(from_variable(), environment={"SECRET": "another-hunter2"})

    assert "hunter2" not in repr(plan) + "".join(lines)


@pytest.mark.django_db
def test_the_same_value_is_no_change() -> None:
    applied(from_variable(), environment={"SECRET": "value"})

    assert applied(from_variable(), environment={"SECRET": "value"}).changes == ()


@pytest.mark.django_db
def test_another_value_under_the_same_label_is_refused() -> None:
    applied(from_variable(), environment={"SECRET": "value"})

    told = problem_of(from_variable(), environment={"SECRET": "new value"})

    assert told == "secret_from: another value has this label: give the new one a label of its own."
    assert is_accepted("value")


@pytest.mark.django_db
def test_a_new_value_under_a_new_label_overlaps() -> None:
    applied(from_variable("second"), environment={"SECRET": "old value"})

    applied(from_variable("third"), environment={"SECRET": "new value"})

    assert is_accepted("old value")
    assert is_accepted("new value")


@pytest.mark.django_db
def test_a_value_under_another_label_is_refused() -> None:
    applied(from_variable("second"), environment={"SECRET": "value"})

    told = problem_of(from_variable("third"), environment={"SECRET": "value"})

    assert told == 'secret_from: this value is registered under the label "second".'


def test_a_revoked_value_does_not_come_back(cast: Cast) -> None:
    secret = add_chosen_secret(relying_party=cast.billing, text="leaked", label="second")
    revoke_secret(secret, now=timezone.now())

    told = problem_of(from_variable(), environment={"SECRET": "leaked"})

    assert told == "secret_from: this value was revoked and cannot come back: take a new one."


def test_the_label_of_a_revoked_secret_may_be_used_again(cast: Cast) -> None:
    secret = add_chosen_secret(relying_party=cast.billing, text="leaked", label="second")
    revoke_secret(secret, now=timezone.now())

    applied(from_variable(), environment={"SECRET": "fresh"})

    assert is_accepted("fresh")
    assert not is_accepted("leaked")


def test_a_file_never_removes_a_secret(cast: Cast) -> None:
    applied("relying_parties: [{issuer: oidc_m2m, client_id: billing, secrets: []}]")

    assert is_accepted(cast.secrets["billing"])


@pytest.mark.django_db
def test_the_end_of_a_secret_can_be_moved() -> None:
    end = timezone.now() + timedelta(days=1)
    applied(from_variable(), environment={"SECRET": "value"})

    moved = billing(f"{{label: second, secret_from: {{env: SECRET}}, expires_at: '{end.isoformat()}'}}")
    plan = applied(moved, environment={"SECRET": "value"})

    assert details(plan) == [f"~ client secret second {OF_BILLING}: expires_at null -> {end.isoformat()}"]
    assert ClientSecret.objects.get(label="second").expires_at == end
    assert applied(moved, environment={"SECRET": "value"}).changes == ()


@pytest.mark.django_db
def test_a_generated_secret_is_made_once_and_shown_once() -> None:
    plan = applied(billing("{label: second, generate: true}"))
    again = applied(billing("{label: second, generate: true}"))

    (secret,) = plan.generated
    assert (secret.client_id, secret.label) == ("billing", "second")
    assert is_accepted(secret.text)
    assert details(plan) == [f"+ client secret second {OF_BILLING}: generated"]
    assert secret.text not in repr(plan) + "".join(plan.lines())
    assert (again.changes, again.generated) == ((), ())


def test_a_revoked_generated_secret_is_not_made_again(cast: Cast) -> None:
    revoke_secret(cast.billing.secrets.get(label="first"), now=timezone.now())

    assert applied(billing("{label: first, generate: true}")).changes == ()


@pytest.mark.django_db
def test_a_dry_run_generates_nothing() -> None:
    plan = applied(billing("{label: second, generate: true}"), dry_run=True)

    assert details(plan) == [f"+ client secret second {OF_BILLING}: would be generated"]
    assert not ClientSecret.objects.filter(label="second").exists()


@pytest.mark.django_db
def test_a_secret_needs_a_label() -> None:
    told = problem_of(billing("{label: '', generate: true}"), at="''")

    assert told == "label: must not be empty: it distinguishes the secrets."
