"""Certificates for servers in tests: the ones `shoal serve --demo-cert` makes."""

from patcher.serve.certificate import Authority, make_authority

__all__ = ["Authority", "make_authority"]
