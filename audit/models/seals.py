"""The proofs of the record: checkpoints over its rows, tombstones over pruned ones, and the ids still to be sealed."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Checkpoint(models.Model):
    """A seal over rows: their leaves, the Merkle root (RFC 9162 section 2.1), signed by the record key.

    `statement` is a JWT (audit/sealing/checkpoints.py) whose claims bind number, root and the checkpoint before.
    """

    number = models.PositiveBigIntegerField(unique=True, help_text="From 1 on, without gaps.")
    created_at = models.DateTimeField(default=timezone.now)
    previous = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="next")
    row_count = models.PositiveIntegerField()
    leaves = models.BinaryField(
        help_text="Table, id and SHA-256 leaf hash of each row (audit/sealing/leaves.py)."
    )
    root = models.CharField(max_length=64, help_text="Hexadecimal.")
    kid = models.CharField(max_length=128)
    statement = models.TextField(help_text="A JWT in compact serialization.")

    class Meta:
        ordering = ["-number"]
        constraints = [
            # `previous` is unique: of two sealers only one succeeds. Only the first checkpoint has none.
            models.UniqueConstraint(
                models.Value(1), condition=Q(previous__isnull=True), name="one_first_checkpoint"
            ),
            models.CheckConstraint(condition=~Q(statement=""), name="checkpoint_is_signed"),
        ]

    def __str__(self) -> str:
        return f"Checkpoint {self.number}"


class UnsealedRange(models.Model):
    """Ids of a table that no checkpoint covers yet. `last_id` null: no upper end. The sealer's notes, not a proof.

    A closed range is a gap: a row may still be committed in it.
    """

    table = models.CharField(max_length=100)
    first_id = models.PositiveBigIntegerField()
    last_id = models.PositiveBigIntegerField(null=True)
    noticed_at = models.DateTimeField()

    class Meta:
        ordering = ["table", "first_id"]
        constraints = [
            models.UniqueConstraint(fields=["table", "first_id"], name="unsealed_once"),
            models.UniqueConstraint(
                fields=["table"], condition=Q(last_id__isnull=True), name="one_open_range_per_table"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.first_id} to {self.last_id or 'the newest'}"


class Tombstone(models.Model):
    """Permission to delete a range of sealed rows of the record, signed and kept instead of them.

    `statement` is a JWT whose claims bind the range, the actor and the reason.
    """

    created_at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True)
    first_id = models.PositiveBigIntegerField()
    last_id = models.PositiveBigIntegerField()
    row_count = models.PositiveBigIntegerField(help_text="How many rows the range held.")
    kid = models.CharField(max_length=128)
    statement = models.TextField(help_text="A JWT in compact serialization.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(first_id__lte=F("last_id")), name="tombstone_range"),
            models.CheckConstraint(condition=~Q(statement=""), name="tombstone_is_signed"),
        ]

    def __str__(self) -> str:
        return f"Rows {self.first_id} to {self.last_id}"
