"""esmtp: the user's own mail transfer agent.

One way through: a front door (``cli``) makes an Envelope and a Message,
``deliver.route`` chooses the identity's couriers, each recipient gets an
Outcome, and the worst Outcome becomes the exit code.  ``man esmtp-internals``
is the map.
"""

__version__ = "0.1.0"
