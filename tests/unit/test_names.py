"""Names on the machine."""

import pytest

from hub.names import own_account


def test_a_user_id_without_an_account_still_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4_000_000)
    assert own_account() == "user-4000000"
