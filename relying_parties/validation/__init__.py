"""What must be registered of a relying party, and what its issuer lets it do."""
