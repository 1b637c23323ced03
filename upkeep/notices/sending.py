"""Each notice is sent once over all processes and hosts; one that was not taken is tried again, ever later."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog

from issuance.models import Notice
from issuance.outlook.failing import failing_clients
from issuers.expiry import Expiry
from runtime.outbound.posting import NotSentError
from upkeep.notices.channels import Channel, NotThisOneError, channels
from upkeep.notices.messages import Message, messages

FIRST_PAUSE, MAX_PAUSE = timedelta(minutes=2), timedelta(hours=1)
"""After an attempt, twice as long each time: longer than an attempt takes, so that none is sent twice meanwhile."""
MAX_DOUBLED = 5
MAX_AT_ONCE = 50
"""Of one channel in one run: the next one goes on."""
KEPT = timedelta(days=90)

log = structlog.get_logger("upkeep")


def send_notices(now: datetime, *, endings: Iterable[Expiry]) -> int:
    """The number of notices that were sent. Without a channel nothing is read."""
    to = channels()
    if not to:
        return 0
    Notice.objects.filter(instant__lt=now - KEPT).delete()
    wanted = {message.key: message for message in messages(endings, failing_clients(now))}
    clock = _clock(now)
    return sum(_send_by(channel, wanted, clock=clock) for channel in to)


def _clock(now: datetime) -> Callable[[], datetime]:
    """It goes on from now by whole seconds: a run of many may take minutes."""
    started = time.monotonic()
    return lambda: now + timedelta(seconds=int(time.monotonic() - started))


def _send_by(
    channel: Channel, wanted: dict[tuple[str, datetime, int], Message], *, clock: Callable[[], datetime]
) -> int:
    """Until the channel itself fails: then the others wait for the next run, too."""
    now = clock()
    _note([message for message in wanted.values() if channel.takes(message)], channel, now=now)
    sent = 0
    for notice in Notice.objects.filter(channel=channel.name, sent_at=None, due_at__lte=now).order_by(
        "due_at", "pk"
    ):
        message = wanted.get((notice.subject, notice.instant, notice.days))
        # One that is no longer wanted was overtaken: a later step, a moved end, a client that gets tokens again.
        if message is None or not _claim(notice, now=(at := clock())):
            continue
        try:
            channel.deliver(message, f"notice-{notice.pk}", at)
        except NotSentError as failure:
            _failed(notice, failure)
            if not isinstance(failure, NotThisOneError):
                return sent
            continue
        _sent(notice, now=clock())
        sent += 1
        if sent >= MAX_AT_ONCE:
            return sent
    return sent


def _note(found: list[Message], channel: Channel, *, now: datetime) -> None:
    """A row for each new one; of two processes each row is one's, or the other's."""
    known = set(Notice.objects.filter(channel=channel.name).values_list("subject", "instant", "days"))
    Notice.objects.bulk_create(
        [
            Notice(
                subject=message.subject,
                instant=message.instant,
                days=message.days,
                channel=channel.name,
                relying_party_id=message.client.pk,
                client_id=message.client.client_id,
                due_at=now,
            )
            for message in found
            if message.key not in known
        ],
        ignore_conflicts=True,
    )


def _claim(notice: Notice, *, now: datetime) -> bool:
    """Whether this process may send it now: of many that ask at once, only one gets True."""
    pause = min(FIRST_PAUSE * 2 ** min(notice.attempts, MAX_DOUBLED), MAX_PAUSE)
    same = Notice.objects.filter(pk=notice.pk, sent_at=None, due_at=notice.due_at, attempts=notice.attempts)
    return same.update(due_at=now + pause, attempts=notice.attempts + 1) == 1


def _sent(notice: Notice, *, now: datetime) -> None:
    Notice.objects.filter(pk=notice.pk).update(sent_at=now, failure="")
    log.info("notice_sent", channel=notice.channel, client_id=notice.client_id, about=notice.subject)


def _failed(notice: Notice, failure: NotSentError) -> None:
    reason = str(failure)
    Notice.objects.filter(pk=notice.pk).update(failure=reason[:300])
    log.error(
        "notice_not_sent",
        channel=notice.channel,
        client_id=notice.client_id,
        about=notice.subject,
        reason=reason,
    )
