"""The device's certificate and key: made once, kept, private."""

import contextlib
import hashlib
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from lenswire.device.identity import SERVER_NAME, Identity, load_or_make
from lenswire.errors import IdentityError


def test_made_at_first_start_and_kept(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first, second = load_or_make(state, "porch"), load_or_make(state, "porch")
    assert first == second
    assert len(first.key) == 32
    der = ssl.PEM_cert_to_DER_cert(first.certificate.read_text())
    assert first.fingerprint == hashlib.sha256(der).digest()
    assert first.tls().minimum_version is ssl.TLSVersion.TLSv1_3


def test_commands_that_begin_at_once_end_with_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lenswire.cli", "pair", "--host", "porch", "--state-dir", str(tmp_path / "state")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    links = {process.communicate(timeout=60)[0] for process in running}
    assert len(links) == 1
    assert links.pop().startswith("lenswire://")


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    load_or_make(tmp_path / "state", "porch")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "state").iterdir()} == {0o600}


def test_two_devices_have_nothing_in_common(tmp_path: Path) -> None:
    one, other = load_or_make(tmp_path / "one", "porch"), load_or_make(tmp_path / "other", "porch")
    assert one.key != other.key
    assert one.fingerprint != other.fingerprint


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    identity = load_or_make(tmp_path, "porch")
    assert identity.key.hex() not in repr(identity)


@pytest.mark.parametrize("file", ["key", "certificate.pem"])
def test_what_is_damaged_is_named_and_never_replaced(tmp_path: Path, file: str) -> None:
    load_or_make(tmp_path, "porch")
    (tmp_path / file).write_text("not what it was")
    with pytest.raises(IdentityError, match=file):
        load_or_make(tmp_path, "porch")
    assert (tmp_path / file).read_text() == "not what it was"


def test_a_draft_left_by_a_power_cut_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "key.new").write_text("half")
    assert len(load_or_make(tmp_path, "porch").key) == 32


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IdentityError, match="file"):
        load_or_make(tmp_path / "file" / "state", "porch")


def shake_hands(device: Identity, trusted: Identity) -> None:
    """As a program does that trusts one certificate, and insists on its name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(trusted.certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(back, there, server_hostname=SERVER_NAME)
    server = device.tls().wrap_bio(there, back, server_side=True)
    for side in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert client.version() == "TLSv1.3"


def test_programs_that_cannot_pin_may_trust_its_certificate(tmp_path: Path) -> None:
    device, other = load_or_make(tmp_path / "device", "porch"), load_or_make(tmp_path / "other", "porch")
    shake_hands(device, device)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(other, device)
