"""Only names of this machine, and an address that only one person can know."""

import pytest

from tuneful.runs.watching.address import KEY, is_of_this_machine, secret_of


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:65535", "[::1]:8463", "[::1]"])
def test_names_of_this_machine(host):
    assert is_of_this_machine(host)


HOSTS = [
    "", None, "evil.example", "localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example", "127.0.0.2",
    "localhost:", "localhost:80:80", "localhost:999999", "localhost\r\n", "user@localhost", "0.0.0.0", "::1",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_other_names(host):
    assert not is_of_this_machine(host)


def test_the_secret_is_kept_and_differs_between_folders_and_people(tmp_path):
    keys = tmp_path / "keys"
    first = secret_of(tmp_path / "a", keys)
    assert secret_of(tmp_path / "a", keys) == first
    assert (keys / KEY).stat().st_mode & 0o077 == 0
    assert first not in (secret_of(tmp_path / "b", keys), secret_of(tmp_path / "a", tmp_path / "other"))


def test_without_a_place_for_the_key_there_is_a_secret_all_the_same(tmp_path):
    (tmp_path / "file").write_text("")
    assert len(secret_of(tmp_path, tmp_path / "file")) == 16
    (tmp_path / KEY).write_text("short")
    assert secret_of(tmp_path, tmp_path) != secret_of(tmp_path, tmp_path)  # a damaged key is not believed
