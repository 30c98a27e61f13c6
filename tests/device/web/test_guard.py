"""Who may ask for what over HTTP."""

from __future__ import annotations

import base64
import socket

import pytest

from lenswire.device.web.guard import Guard

KEY = bytes(range(32))
TEXT = base64.urlsafe_b64encode(KEY).decode().rstrip("=")
KEYED = Guard(KEY, key_needed=True, local=False)
LOCAL = Guard(KEY, key_needed=False, local=True)
OPEN = Guard(KEY, key_needed=False, local=False)


def basic(password: str, user: str = "anybody") -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def status(guard: Guard, method: str = "GET", secure: bool = True, **headers: str) -> int:
    """0 for who comes in."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    refusal = guard.refusal(method, named, secure)
    return refusal.status if refusal else 0


@pytest.mark.parametrize("shown", [f"Bearer {TEXT}", f"bearer {KEY.hex()}", basic(TEXT), basic(KEY.hex(), user="")])
def test_the_key_opens(shown: str) -> None:
    assert status(KEYED, authorization=shown) == 0


@pytest.mark.parametrize(
    "shown",
    [
        *(
            "",
            "Bearer",
            "Bearer ",
            f"Bearer {TEXT}=",
            f"Bearer {TEXT[:-1]}",
            f"Digest {TEXT}",
            TEXT,
            basic(""),
            basic("é"),
        ),
        *(basic(TEXT + " "), f"Basic {TEXT}", "Basic !!!", "Basic /w==", "Bearer \udcff", f"Bearer {TEXT.lower()}"),
        basic("x", user=TEXT),
    ],
)
def test_nothing_else_does(shown: str) -> None:
    assert status(KEYED, authorization=shown) == 401
    assert KEYED.refusal("GET", {"Authorization": shown}, True).wrong_key  # type: ignore[union-attr]


def test_who_shows_nothing_has_not_tried() -> None:
    assert not KEYED.refusal("GET", {}, True).wrong_key  # type: ignore[union-attr]


def test_a_key_is_asked_for_over_tls_only() -> None:
    assert status(KEYED, secure=False, host="porch", authorization=f"Bearer {TEXT}") == 308


@pytest.mark.parametrize(
    ("guard", "host", "allowed"),
    [
        *(
            (LOCAL, host, True)
            for host in ("localhost:8881", "127.0.0.1", "[::1]:8881", "LOCALHOST", "127.9.9.9:1", "")
        ),
        *(
            (LOCAL, host, False)
            for host in ("evil.example", "192.168.1.4:8881", "localhost.evil.example", "porch", "[", ":", "localhost.")
        ),
        *(
            (OPEN, host, True)
            for host in ("192.168.1.4:8881", "porch", "porch.local:8881", "[fe80::1]", "pi.fritz.box")
        ),
        *((OPEN, host, False) for host in ("evil.example", "porch.local.evil.example", "porch.local.", "[zz]")),
        (KEYED, "evil.example", True),  # the key is what counts
    ],
)
def test_a_name_of_somebody_else_s_that_points_here_is_refused(guard: Guard, host: str, allowed: bool) -> None:
    refusal = guard.refusal("GET", {"Host": host, "Authorization": f"Bearer {TEXT}"}, True)
    assert (refusal is None) == allowed
    assert allowed or (refusal.status == 403 and host in refusal.words)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # a program
        ({"sec_fetch_site": "same-origin", "origin": "https://localhost:8881"}, True),
        ({"origin": "https://localhost:8881"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://localhost:8881"}, False),
        ({"origin": "https://localhost:9999"}, False),
        ({"origin": "null"}, False),
    ],
)
@pytest.mark.parametrize("guard", [LOCAL, OPEN, KEYED])
def test_commands_come_from_our_own_page(guard: Guard, headers: dict[str, str], allowed: bool) -> None:
    told = {"host": "localhost:8881", "authorization": f"Bearer {TEXT}", **headers}
    assert status(guard, "POST", **told) == (0 if allowed else 403)


@pytest.mark.parametrize(("guard", "expected"), [(LOCAL, 403), (KEYED, 403), (OPEN, 0)])
def test_other_sites_do_not_show_our_pictures_unless_we_are_open(guard: Guard, expected: int) -> None:
    told = {"host": "localhost", "authorization": f"Bearer {TEXT}", "sec_fetch_site": "cross-site"}
    assert status(guard, **told, sec_fetch_mode="no-cors") == expected
    assert status(guard, **told, sec_fetch_mode="navigate") == 0  # a link to our page


def test_what_a_stranger_says_makes_no_lines_of_the_log_and_asks_no_name_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getfqdn", None)
    monkeypatch.setattr(socket, "gethostname", lambda: "Porch.Example")
    assert status(OPEN, host="porch.example:8881") == 0
    words = OPEN.refusal("GET", {"Host": "evil.example\x85! \u2028\x1b[2J" + "x" * 999}, False).words  # type: ignore[union-attr]
    assert words.isprintable()
    assert len(words) < 250


def test_the_key_is_not_shown() -> None:
    assert TEXT not in repr(KEYED)
    assert str(KEY) not in repr(KEYED)
