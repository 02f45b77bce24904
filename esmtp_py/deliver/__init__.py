"""From an Envelope and an Identity to Outcomes: the route, and the couriers."""
