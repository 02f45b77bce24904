"""Properties are about results: how long one example takes says something about the machine only."""

from hypothesis import settings

settings.register_profile("results", deadline=None)
settings.load_profile("results")
