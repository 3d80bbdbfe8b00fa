"""For all tests."""

from hypothesis import settings

# How long an example takes says nothing on a machine that does other things too.
settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")
