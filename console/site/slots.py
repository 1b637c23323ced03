"""The console's share of the threads: it limits its pages at once, so that enough threads are left for the tokens."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from console.site.unavailable import unavailable
from runtime.slots import Slots, StuckError

SLOTS = Slots(settings.CONSOLE_SLOTS)


def answer_in_slot(
    request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponseBase]
) -> HttpResponseBase:
    """Answer in one of the console's slots; 503 if none is free."""
    with ExitStack() as held:
        try:
            held.enter_context(SLOTS.slot())
        except StuckError:
            return unavailable(request)
        response = get_response(request)
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = Stream(iter(response), held.pop_all())
        return response


class Stream:
    """A content that holds its slot until Django closes it: after the last byte, or when the client is gone."""

    def __init__(self, content: Iterator[bytes], held: ExitStack) -> None:
        self._content = content
        self._held = held

    def __iter__(self) -> Iterator[bytes]:
        return self._content

    def close(self) -> None:
        self._held.close()
