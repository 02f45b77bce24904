"""OAuth2, against the provider of tests.server.oauth."""
