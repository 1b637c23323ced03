"""Where everything in the console is: the pages that a user may see, by what they are for."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from console.site.permissions import SEES_CONFIGURATION, SEES_PROOFS, SEES_RECORD


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the navigation. `page` is the name of its URL, `permissions` are those that it asks for."""

    label: str
    page: str
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Area:
    """Pages that belong together. Without a name its pages stand by themselves."""

    name: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str
    is_here: bool
    """The user is on this page, or on one below it."""


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    links: tuple[Link, ...]


def _list_of(model: str, label: str) -> Place:
    app, name = model.split(".")
    return Place(label, f"admin:{app}_{name}_changelist", (f"{app}.view_{name}",))


OVERVIEW = "admin:index"
MAP = (
    Area(
        "",
        (
            Place("Overview", OVERVIEW),
            _list_of("relying_parties.relyingparty", "Clients"),
            _list_of("relying_parties.resourceserver", "APIs"),
            _list_of("audit.issuanceevent", "Requests"),
            Place("Find anything", "admin:find", (SEES_RECORD,)),
        ),
    ),
    Area(
        "Claims",
        (
            _list_of("relying_parties.claimtemplate", "Templates"),
            _list_of("issuers.globalvariable", "Variables"),
        ),
    ),
    Area(
        "Issuers and keys",
        (
            _list_of("issuers.issuer", "Issuers"),
            _list_of("keys.signingkey", "Signing keys"),
            _list_of("relying_parties.trustedissuer", "Workload issuers"),
        ),
    ),
    Area(
        "Reports",
        (
            Place("Why was it refused?", "admin:why", (SEES_RECORD, *SEES_CONFIGURATION)),
            Place("Activity", "admin:audit_activity", (SEES_RECORD,)),
            Place("Permitted and actual use", "admin:audit_access", (SEES_RECORD, *SEES_CONFIGURATION)),
        ),
    ),
    Area(
        "Integrity",
        (
            Place("Verification", "admin:integrity", SEES_PROOFS),
            _list_of("audit.checkpoint", "Checkpoints"),
            _list_of("audit.inspection", "Readings and exports"),
            _list_of("audit.tombstone", "Pruned rows"),
            _list_of("audit.refusalcount", "Counted refusals"),
            _list_of("audit.operationalevent", "Events of the server"),
            Place("Contain a leak", "admin:contain", (SEES_RECORD, *SEES_CONFIGURATION)),
        ),
    ),
    Area(
        "People",
        (
            _list_of("auth.user", "Users"),
            _list_of("auth.group", "Roles"),
            Place("Sessions", "admin:sessions"),
            Place("Second factor", "admin:second_factor"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[Section]:
    """What the user may see; the page of the request, or the one above it, is marked."""
    shown = [
        (area.name, [place for place in area.places if request.user.has_perms(place.permissions)])
        for area in MAP
    ]
    urls = {place: reverse(place.page) for _, places in shown for place in places}
    here = _closest(urls.values(), request.path)
    return [
        Section(name, tuple(Link(place.label, urls[place], urls[place] == here) for place in places))
        for name, places in shown
        if places
    ]


def _closest(urls: Iterable[str], path: str) -> str:
    """The URL that begins the path, the longest if there are several. Every page lies below the overview."""
    longest = max((url for url in urls if path.startswith(url)), key=len, default="")
    return longest if longest != reverse(OVERVIEW) or longest == path else ""
