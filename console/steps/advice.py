"""Why a request was refused and what mends it, by its reason: facts of now and links to act on them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from console.steps.acts import (
    Act,
    MakeAct,
    add_client,
    enable,
    find_client,
    generate_secret,
    on_client,
    on_issuer,
    on_template,
    same_guesses,
)
from console.steps.configured import Configured
from console.tokens.client_status import disabled
from issuance.outlook.reasons import Reason
from relying_parties.models import ClientSecret, networks_problem
from runtime.proxies import parsed_address

SECRET_NUMBER = re.compile(r"secret:(\d{1,18})")
LIMIT = re.compile(r"Over the quota of (\d+) ")


@dataclass(frozen=True, slots=True)
class Advice:
    """`why` and `to_do` are sentences; `to_do` is empty where `why` says it already."""

    why: str
    to_do: str
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class _Mend:
    to_do: str = ""
    acts: tuple[MakeAct, ...] = ()
    why: Callable[[Configured], str] | None = None
    """None: the detail of the row."""


def advice_on(about: Configured) -> Advice:
    """For the event of a request that was refused or failed."""
    mend = _MENDS[about.reason]
    made = (make(about) for make in mend.acts)
    return Advice(
        why=(mend.why(about) if mend.why else "")
        or about.event.detail
        or f"Refused with {about.event.error}.",
        to_do=mend.to_do,
        acts=tuple(act for act in made if act),
    )


def _disabled_client(about: Configured) -> str:
    if about.client is None:
        return ""
    if about.client.is_active:
        return "The client was disabled then. It is enabled now."
    return _sentence(disabled(about.client) or "The client is disabled")


def _disabled_issuer(about: Configured) -> str:
    if about.issuer is None:
        return ""
    if about.issuer.is_active:
        return "The issuer was disabled then. It is enabled now."
    return _sentence(f"The issuer {about.issuer} was {disabled(about.issuer) or 'disabled'}")


def _unknown_client(about: Configured) -> str:
    if about.client is not None:
        return f"No client {about.client.client_id} was at this issuer then. There is one now."
    return f"No client of this issuer is called {about.event.client_id}." if about.event.client_id else ""


def _ended_secret(about: Configured) -> str:
    """By the name that people gave it."""
    number = SECRET_NUMBER.search(about.event.detail)
    secret = ClientSecret.objects.filter(pk=number[1]).first() if number else None
    end = (secret.revoked_at or secret.expires_at) if secret else None
    if secret is None or end is None:
        return ""
    how = "was revoked" if secret.revoked_at else "ended"
    return f"The request sent secret {secret}, which {how} on {end:%Y-%m-%d %H:%M} UTC."


def _other_network(about: Configured) -> str:
    if about.client is None:
        return ""
    networks = about.client.allowed_networks
    source = parsed_address(about.event.ip)
    if source is None or networks_problem(networks):
        return ""
    if not networks or any(source in ip_network(network, strict=False) for network in networks):
        return f"{source} was outside the allowed networks then. It is inside now."
    return f"{source} is outside {', '.join(networks)}."


def _quota(about: Configured) -> str:
    limit = LIMIT.match(about.event.detail)
    return f"Quota {limit[1]} a minute used up." if limit else ""


def _sentence(clause: object) -> str:
    text = str(clause)
    return f"{text[:1].upper()}{text[1:]}."


_CALLER = "The caller has to send another request."
_SECRETS = on_client("Its secrets", "secrets", tab="credentials")
_KEYS = on_client("Its keys", "id_client_jwks", tab="credentials")
_ACCESS = on_client("Its access", tab="access")
_LOG = "The server's log has more under the request ID."
_MENDS: Mapping[Reason, _Mend] = {
    Reason.MALFORMED: _Mend(_CALLER),
    Reason.CERTIFICATE_HEADER: _Mend("Correct the proxy that passes the client's certificate on."),
    Reason.DATABASE_AWAY: _Mend(f"The caller may try again. {_LOG}"),
    Reason.DEFECT: _Mend(_LOG),
    Reason.ISSUER_DISABLED: _Mend(
        "Set the issuer active on its page.", (on_issuer("Issuer"),), why=_disabled_issuer
    ),
    Reason.UNKNOWN_ISSUER: _Mend("The caller has to use the token URL of its issuer."),
    Reason.TEST_TOKENS_OFF: _Mend("Its page has the switch.", (on_issuer("Issuer"),)),
    Reason.UNKNOWN_CLIENT: _Mend(
        "Compare the client ID, and the issuer in the URL.", (find_client, add_client), why=_unknown_client
    ),
    Reason.CLIENT_DISABLED: _Mend("", (enable,), why=_disabled_client),
    Reason.METHOD_OFF: _Mend(
        "Turn the method on at the issuer, or give the client another one.",
        (on_issuer("Issuer"), on_client("Its method", "id_token_endpoint_auth_method", tab="credentials")),
    ),
    Reason.TWO_PROOFS: _Mend(_CALLER),
    Reason.NO_PROOF: _Mend(
        "The caller has to prove itself by the client's method.",
        (on_client("Its method", "id_token_endpoint_auth_method", tab="credentials"),),
    ),
    Reason.UNREADABLE_PROOF: _Mend(
        "The caller has to write its credentials in another way.", (on_client("Client"),)
    ),
    Reason.OTHER_METHOD: _Mend(
        "The caller has to use the registered method, or the client gets the one that it uses.",
        (on_client("Its method", "id_token_endpoint_auth_method", tab="credentials"),),
    ),
    Reason.WRONG_SECRET: _Mend(
        "Compare the service's secret with the last characters that are shown, or generate a new one.",
        (_SECRETS, generate_secret),
    ),
    Reason.NEARLY_RIGHT_SECRET: _Mend("Correct it in the configuration of the service.", (_SECRETS,)),
    Reason.ENDED_SECRET: _Mend(
        "Put the present secret into every instance of the service.",
        (_SECRETS, generate_secret),
        why=_ended_secret,
    ),
    Reason.NO_LIVE_SECRET: _Mend("", (generate_secret, _SECRETS)),
    Reason.NO_PEPPER: _Mend("It is a setting of the server."),
    Reason.ASSERTION: _Mend("Compare the assertion with what is registered.", (_KEYS, on_client("Client"))),
    Reason.USED_BEFORE: _Mend("The caller has to make a new one for each request."),
    Reason.CERTIFICATE: _Mend(
        "Compare the certificate with what is registered.", (on_client("Its certificate", tab="credentials"),)
    ),
    Reason.KEYS_AWAY: _Mend("The caller may try again when the address answers.", (_KEYS,)),
    Reason.GUESSES: _Mend(
        "Somebody sends wrong secrets: find out who, and correct or stop it.", (same_guesses, _SECRETS)
    ),
    Reason.MISCONFIGURED: _Mend("Correct what is stored.", (on_client("Client"),)),
    Reason.NO_CERTIFICATE: _Mend(
        "The caller has to bring its TLS client certificate.", (on_client("Client"),)
    ),
    Reason.DPOP_OFF: _Mend(
        "", (on_issuer("Issuer"), on_client("DPoP", "id_dpop_bound_access_tokens", tab="restrictions"))
    ),
    Reason.DPOP_PROOF: _Mend("The caller has to make a new proof for each request, of its method and URL."),
    Reason.GRANT_TYPE: _Mend("The caller has to send grant_type=client_credentials."),
    Reason.MALFORMED_SCOPE: _Mend(_CALLER),
    Reason.SCOPE_NOT_GRANTED: _Mend(
        "The caller has to ask for less, or the client gets this scope.", (_ACCESS,)
    ),
    Reason.SCOPE_OF_SEVERAL_APIS: _Mend("The caller has to name one API.", (_ACCESS,)),
    Reason.API_NOT_NAMED: _Mend("Make one API the client's default, or let the caller name one.", (_ACCESS,)),
    Reason.API_NOT_GRANTED: _Mend(
        "The caller has to name another API, or the client gets access.", (_ACCESS,)
    ),
    Reason.TEMPLATE_AUDIENCE: _Mend("", (on_template("Claim template"), _ACCESS)),
    Reason.TWO_AUDIENCES: _Mend(_CALLER),
    Reason.OTHER_NETWORK: _Mend(
        "", (on_client("Allowed networks", "id_allowed_networks", tab="restrictions"),), why=_other_network
    ),
    Reason.NOT_YET_VALID: _Mend(
        "Wait, or set an earlier date.", (on_client("Its dates", "id_valid_from", tab="restrictions"),)
    ),
    Reason.NO_LONGER_VALID: _Mend(
        "Set a later date if the service goes on.",
        (on_client("Its dates", "id_valid_until", tab="restrictions"),),
    ),
    Reason.RULE: _Mend(
        "The caller has to send another value.", (on_client("Its rules", "rules-group", tab="restrictions"),)
    ),
    Reason.REPEATED_PARAMETER: _Mend(_CALLER),
    Reason.NO_SIGNING_KEY: _Mend("", (on_issuer("Signing keys"),)),
    Reason.KEY_UNREADABLE: _Mend(_LOG, (on_issuer("Signing keys"),)),
    Reason.PARAMETER_MISSING: _Mend(
        "The caller has to send it, or the template gets a default.", (on_template("Claim template"),)
    ),
    Reason.TEMPLATE: _Mend("", (on_template("Claim template"), on_issuer("Signing keys"))),
    Reason.QUOTA: _Mend(
        "The caller has to keep its token.",
        (on_client("Raise it", "id_requests_per_minute", tab="restrictions"),),
        why=_quota,
    ),
    Reason.NOT_RECORDED: _Mend(f"The caller may try again. {_LOG}"),
    Reason.NOT_SIGNED: _Mend(_LOG, (on_issuer("Signing keys"),)),
    Reason.UNKNOWN: _Mend(_LOG, (on_client("Client"),)),
}
