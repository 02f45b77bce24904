"""The tests; ``tests.server`` is the peer they talk to.  CONTRIBUTING.md says which kind of test goes where."""
