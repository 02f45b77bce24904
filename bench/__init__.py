"""Measurements side by side with msmtp (``bench/run``), and the relay that counts turns, which tests use too."""
