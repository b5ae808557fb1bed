"""Where a server listens, and what is said when it cannot."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from renderer.errors import ConfigurationError
from renderer.server.listener import open_listener, remove_socket_file, shown_address


def connects(family: socket.AddressFamily, address: tuple[str, int] | str) -> bool:
    """Whether somebody listens there."""
    with socket.socket(family) as client:
        return client.connect_ex(address) == 0


@pytest.mark.parametrize(
    ("bind", "network", "version_4", "version_6"),
    [
        (":0", "tcp", True, True),
        ("[::]:0", "tcp", True, True),
        (":::0", "tcp", True, True),
        (":0", "tcp4", True, False),
        (":0", "tcp6", False, True),
        ("[::]:0", "tcp6", False, True),
        ("0.0.0.0:0", "tcp", True, False),
        ("127.0.0.1:0", "tcp", True, False),
        ("127.0.0.1:0", "tcp4", True, False),
        ("[::1]:0", "tcp", False, True),
        ("::1:0", "tcp6", False, True),
        ("localhost:0", "tcp", True, False),
        ("localhost:0", "tcp4", True, False),
    ],
)
def test_the_network_says_which_versions_are_heard(bind: str, network: str, version_4: bool, version_6: bool) -> None:
    """As Go's listeners have it: every address is both, a name is IPv4 if it has such an address."""
    with closing(open_listener(bind, network, name="X")) as listener:
        port = listener.getsockname()[1]

        assert listener.gettimeout() == 0
        assert connects(socket.AF_INET, ("127.0.0.1", port)) is version_4
        assert connects(socket.AF_INET6, ("::1", port)) is version_6


@pytest.mark.parametrize(
    ("bind", "network"),
    [
        ("8080", "tcp"),
        ("localhost", "tcp"),
        ("127.0.0.1:", "tcp"),
        ("127.0.0.1:http", "tcp"),
        ("127.0.0.1:+80", "tcp"),
        ("127.0.0.1:８０", "tcp"),
        ("127.0.0.1:70000", "tcp"),
        ("127.0.0.1:99999999999999999999", "tcp"),
        ("192.0.2.1:0", "tcp"),
        ("no.such.host.invalid:0", "tcp"),
        ("[::1]:0", "tcp4"),
        ("127.0.0.1:0", "tcp6"),
        ("/no/such/folder/socket", "unix"),
        ("x" * 200, "unix"),
    ],
)
def test_where_nobody_can_listen_is_said_with_the_setting(bind: str, network: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^IMGPROXY_BIND: expected (host:port|the path)"):
        open_listener(bind, network, name="IMGPROXY_BIND")


def test_an_address_that_is_taken_is_an_error_unless_both_share_it() -> None:
    with closing(open_listener("127.0.0.1:0", reuse_port=True, name="X")) as listener:
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=r"[Aa]ddress already in use"):
            open_listener(bind, name="X")

        open_listener(bind, reuse_port=True, name="X").close()


@pytest.mark.parametrize(
    ("bind", "shown"),
    [("127.0.0.1:0", "http://127.0.0.1:"), ("[::1]:0", "http://[::1]:"), (":0", "http://localhost:")],
)
def test_an_address_is_shown_as_people_open_it(bind: str, shown: str) -> None:
    with closing(open_listener(bind, name="X")) as listener:
        assert shown_address(listener) == f"{shown}{listener.getsockname()[1]}"


def test_a_unix_socket_is_a_file_that_goes_with_it(tmp_path: Path) -> None:
    """It may be gone already; other sockets have none."""
    path = tmp_path / "socket"
    with closing(open_listener(str(path), "unix", name="X")) as listener:
        assert connects(socket.AF_UNIX, str(path))
        assert shown_address(listener) == str(path)
        remove_socket_file(listener)
        assert not path.exists()
        remove_socket_file(listener)
    with closing(open_listener("127.0.0.1:0", name="X")) as other:
        remove_socket_file(other)


def test_a_file_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    open_listener(path, "unix", name="X").close()
    with closing(open_listener(path, "unix", name="X")):
        assert connects(socket.AF_UNIX, path)


def test_a_socket_that_is_listened_on_stays_even_if_its_queue_is_full(tmp_path: Path) -> None:
    """Looking whether somebody is there does not wait for him."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as first:
        other.bind(path)
        other.listen(0)
        first.connect(path)
        with pytest.raises(ConfigurationError, match="in use"):
            open_listener(path, "unix", name="X")


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(ConfigurationError):
        open_listener(str(path), "unix", name="X")

    assert path.read_text() == "precious"
