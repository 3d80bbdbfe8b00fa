"""The checks: one file each, discovered by being here. A check's docstring is its page in docs/checks/."""
