"""The hand-over sheet as Markdown. Names are text: what an operator typed makes no heading, link or picture."""

import re
from collections.abc import Iterator

from console.clients.hand_over import SecretEnd, Sheet
from relying_parties.models import AccessGrant

PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&:@])")
TICKS = re.compile(r"`+")


def markdown_of(sheet: Sheet, *, by: str, at: str) -> str:
    blocks = [
        f"# {plain(sheet.title)}",
        "\n".join(_facts(sheet, by=by, at=at)),
        "## What it may call",
        "\n".join(_access(grant) for grant in sheet.grants) or "No API yet.",
        "## Ask for a token",
        *(f"- {plain(need)}" for need in sheet.needs),
        fenced(sheet.command, "sh"),
        f"Keep a token until {sheet.earlier} seconds before its end, then ask for the next one.",
        *_programs(sheet),
    ]
    return "\n\n".join(blocks) + "\n"


def plain(text: str) -> str:
    return PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    ticks = "`" * (_longest_run(text) + 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"{ticks}{text}{ticks}"


def fenced(text: str, language: str) -> str:
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in TICKS.findall(text)), default=0)


def _facts(sheet: Sheet, *, by: str, at: str) -> Iterator[str]:
    yield f"- Token URL: {code(sheet.token_url)}"
    yield f"- Client ID: {code(sheet.client.client_id)}"
    yield f"- It proves itself by {plain(sheet.method)}"
    yield f"- A token lives {sheet.lifetime} seconds"
    yield from (_end(secret) for secret in sheet.secrets)
    yield f"- Whom to call: {plain(sheet.client.contact or by)}"
    yield f"- Written by {plain(by)} on {at}. The secret is not on this sheet."


def _end(secret: SecretEnd) -> str:
    hint = f" (it ends with {code(secret.hint)})" if secret.hint else ""
    if secret.ends_at is None:
        return f"- The secret {plain(secret.label)}{hint} is good until it is revoked"
    return f"- The secret {plain(secret.label)}{hint} is good until {secret.ends_at:%Y-%m-%d %H:%M} UTC"


def _access(grant: AccessGrant) -> str:
    api = grant.resource_server
    scopes = ", ".join(code(scope) for scope in grant.scopes) or "no scope"
    default = ", the default" if grant.is_default else f", by {code(f'resource={api.identifier}')}"
    return f"- {plain(str(api))} {code(api.identifier)}: {scopes}{default}"


def _programs(sheet: Sheet) -> Iterator[str]:
    if not sheet.programs:
        return
    yield "## Programs"
    yield "Each reads its environment:"
    yield fenced(sheet.environment, "sh")
    for program in sheet.programs:
        yield f"### {program.language}"
        yield fenced(program.text, program.name)
