"""Certificates for servers in tests: the ones `shoal serve --demo-cert` makes."""

from patcher.serve.certificate import Authority

__all__ = ["Authority"]
