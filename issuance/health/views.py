"""What /livez and /readyz answer: reasons are for those who may know them."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from issuance.discovery.documents import is_warm
from issuance.health.latest import LATEST
from issuance.health.readiness import FORGIVEN
from issuance.wire.answers import NO_STORE, json_answer
from issuance.wire.protocol_view import ProtocolView
from runtime import draining
from runtime.proxies import parsed_address


class LivezView(ProtocolView):
    """200 while the process answers and can serve JWKS and discovery from its memory. Asks nobody else."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        if is_warm():
            return json_answer({"status": "ok"}, headers=NO_STORE)
        reason = (
            "This process has no documents to serve yet: the database has not answered since it started. "
            "It tries again every second."
        )
        return json_answer({"status": "empty", "reason": reason}, status=503, headers=NO_STORE)


class ReadyzView(ProtocolView):
    """200 when tokens can be issued, or what is amiss is forgiven (FORGIVEN); else 503, as while the server stops."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        if draining.has_begun():
            return json_answer({"status": "draining"}, status=503, headers=NO_STORE)
        found = LATEST.problems()
        is_ready = not any(problems for check, problems in found.items() if check not in FORGIVEN)
        status = "unready" if not is_ready else "degraded" if any(found.values()) else "ok"
        members: dict[str, Any] = {"status": status}
        if may_know(request.META["REMOTE_ADDR"]):
            members["checks"] = found
        return json_answer(members, status=200 if is_ready else 503, headers=NO_STORE)


def may_know(address: str) -> bool:
    """Loopback and OPERATIONS_NETWORKS get reasons."""
    source = parsed_address(address)
    if source is None:
        return False
    return source.is_loopback or any(source in network for network in settings.OPERATIONS_NETWORKS)
