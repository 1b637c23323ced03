"""A secret of a table that is no key's, encrypted at rest as private keys are (keys/encryption.py)."""

from django.db import models

from keys.encryption import EncryptedKey, decrypt, encrypt


class EncryptedSecret(models.Model):
    """`manage.py rewrap_keys` moves the rows of every table that extends it, too."""

    kek_id = models.CharField(max_length=32, editable=False)
    ciphertext = models.BinaryField()

    class Meta:
        abstract = True

    @property
    def identity(self) -> str:
        """The associated data that ties the secret to its row; the row's id is known."""
        return f"{self._meta.verbose_name} {self.pk}"

    def hide(self, secret: bytes) -> None:
        """The row is not saved."""
        encrypted = encrypt(secret, identity=self.identity)
        self.kek_id, self.ciphertext = encrypted.kek_id, encrypted.ciphertext

    def secret(self) -> bytes:
        """Raises KeyUnreadableError."""
        return decrypt(EncryptedKey(self.kek_id, bytes(self.ciphertext), self.identity))
