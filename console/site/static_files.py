"""The console's style sheets and scripts, collected by `collectstatic` before this process started or after."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.checks import CheckMessage, Warning, register  # noqa: A004 - Django's
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware

MANIFEST = ManifestStaticFilesStorage.manifest_name
NOT_COLLECTED = "The console has no pages: {count} of its files are not in {root}."
COLLECT = "Run manage.py collectstatic, with the STATIC_ROOT and VAR_DIR of the server; no restart is needed."


class NotCollectedError(ValueError):
    """A page names a file that `collectstatic` did not collect."""


def collected_at() -> int | None:
    """Nanoseconds; None before the first `collectstatic`."""
    try:
        return (Path(settings.STATIC_ROOT) / MANIFEST).stat().st_mtime_ns
    except OSError:
        return None


class Storage(ManifestStaticFilesStorage):
    """Reads the manifest again if there is a newer one and a name is missing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._read_at = collected_at()
        super().__init__(*args, **options)

    def stored_name(self, name: str) -> str:
        try:
            return super().stored_name(name)
        except ValueError as error:
            if (now := collected_at()) == self._read_at:
                raise NotCollectedError(str(error)) from error
        manifest: Any = self.load_manifest()
        self.hashed_files, self.manifest_hash = manifest
        self._read_at = now
        return self.stored_name(name)


class Files(WhiteNoiseMiddleware):
    """Looks for the files again if there is a newer manifest and one is missing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._looked_at = collected_at()
        super().__init__(get_response)  # type: ignore[no-untyped-call]

    def __call__(self, request: HttpRequest) -> Any:  # type: ignore[override]
        path = request.path_info
        if path.startswith(self.static_prefix) and path not in self.files and not self.autorefresh:
            self._look_again()
        return super().__call__(request)  # type: ignore[no-untyped-call]

    def add_files(self, root: Path, prefix: str | None = None) -> None:
        if root.is_dir():
            super().add_files(root, prefix)  # type: ignore[no-untyped-call]

    def _look_again(self) -> None:
        if (now := collected_at()) != self._looked_at:
            self.add_files(self.static_root, prefix=self.static_prefix)
            self._looked_at = now


@register(deploy=True)
def has_static_files(**_: Any) -> list[CheckMessage]:
    """Whether all files of this version's console were collected: its pages need each."""
    if settings.DEBUG or not settings.HAS_CONSOLE:
        return []
    try:
        collected = Storage().hashed_files
    except ValueError:
        collected = {}
    missing = [path for finder in get_finders() for path, _ in finder.list([]) if path not in collected]
    if not missing:
        return []
    message = NOT_COLLECTED.format(count=len(set(missing)), root=settings.STATIC_ROOT)
    return [Warning(message, hint=COLLECT, id="console.W001")]
