"""The console of a running server, as a browser sees it: cookies, and forms sent back as they stand."""

import re
from html.parser import HTMLParser

import requests

PERSON, PASSWORD = "root", "a password of the tests' own"


class _Form(HTMLParser):
    """The fields of the page's forms that send something back, by name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._posts = False
        self._area = self._choice = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._posts = found.get("method") == "post" and "logout" not in found.get("action", "")
        elif tag == "input" and _is_sent(found):
            is_checked = found.get("type") in {"checkbox", "radio"}
            self._add(found.get("name", ""), found.get("value", "on" if is_checked else ""))
        elif tag == "textarea":
            self._area = found.get("name", "")
            self._add(self._area, "")
        elif tag == "select":
            self._choice = found.get("name", "")
        elif tag == "option" and "selected" in found:
            self._add(self._choice, found.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._area and self._posts:
            # The first line break after the tag is no part of the text.
            self.fields[self._area] = [data.removeprefix("\r\n").removeprefix("\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""

    def _add(self, name: str, value: str) -> None:
        if name and self._posts:
            self.fields.setdefault(name, []).append(value)


def _is_sent(found: dict[str, str]) -> bool:
    kind = found.get("type", "text")
    return kind not in {"submit", "button", "file"} and (
        kind not in {"checkbox", "radio"} or "checked" in found
    )


class Browser:
    """Logged in."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self.send("/admin/login/", username=PERSON, password=PASSWORD)
        assert self.get("/admin/")

    def get(self, path: str) -> str:
        """The page; it is there, and not the login's instead."""
        answer = self._session.get(self._url + path, timeout=20, allow_redirects=False)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def send(self, path: str, **changed: str) -> None:
        """The page's form with these fields changed; it has to be taken."""
        fields = _Form(self.get(path)).fields | {name: [value] for name, value in changed.items()}
        answer = self._session.post(self._url + path, data=fields, timeout=20, allow_redirects=False)
        assert answer.status_code == 302, re.findall(r"errorlist.*?</ul>", answer.text, re.DOTALL)
