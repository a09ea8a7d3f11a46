"""The field: other projects' recipes trained on the same frames for the same time as ours."""
