"""A private authority signs for a server, and only those who were handed its certificate believe it."""

import ssl
import stat
from pathlib import Path

import pytest
import requests

from patcher.serve.static import StaticServer
from tests.support.certificates import Authority


def test_a_client_that_has_the_authority_believes_the_server(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    cert, key = authority.issue("localhost", "127.0.0.1", "::1")
    with StaticServer(tmp_path, cert=cert, key=key) as server:
        for host in ("127.0.0.1", "localhost"):
            url = f"https://{host}:{server.port}/none"
            with requests.get(url, verify=str(authority.ca_file), timeout=10) as answer:
                assert answer.status_code == 404


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_others_do_not(tmp_path: Path, wrong: str) -> None:
    authority = Authority(tmp_path / "authority")
    other = Authority(tmp_path / "other")
    cert, key = authority.issue("127.0.0.1" if wrong == "authority" else "elsewhere.example")
    trusted = other if wrong == "authority" else authority
    with StaticServer(tmp_path, cert=cert, key=key) as server, pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{server.url}/none", verify=str(trusted.ca_file), timeout=10)


def test_an_authority_stays_the_same(tmp_path: Path) -> None:
    first = Authority(tmp_path).ca_file.read_bytes()
    assert Authority(tmp_path).ca_file.read_bytes() == first


def test_a_server_of_the_authoritys_name_does_not_take_its_place(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    before = authority.ca_file.read_bytes(), authority.ca_key.read_bytes()
    assert authority.issue("ca")[0] != authority.ca_file
    assert (authority.ca_file.read_bytes(), authority.ca_key.read_bytes()) == before


@pytest.mark.posix("modes")
def test_secret_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for key in (authority.ca_key, authority.issue("127.0.0.1")[1]):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_strict_verification_has_nothing_to_object(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue("127.0.0.1")
    context = ssl.create_default_context(cafile=authority.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    incoming, outgoing, back = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(cert, key)
    client = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    server = server_context.wrap_bio(outgoing, back, server_side=True)
    for _ in range(2):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            incoming.write(back.read())
    assert client.version() == "TLSv1.3"
