"""Signing in by OpenID Connect (统一身份认证): providers as data, identities that people link."""
