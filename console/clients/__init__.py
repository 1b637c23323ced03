"""The pages of relying parties: settings, secrets, grants, timeline."""
