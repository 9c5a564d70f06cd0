"""Whoever is on call in a drill is told by the real way of telling."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from flows.drill.receiver import Receiver
from flows.telling.teller import apprise_send


def test_what_is_told_through_apprise_is_received():
    with Receiver() as on_call:
        assert apprise_send([on_call.address])("night rolled a policy back", "Next: look")
        message = on_call.wait_for("rolled a policy back", within_s=5.0)

    assert message is not None
    assert (message.title, message.text) == ("night rolled a policy back", "Next: look")


def test_what_does_not_come_is_waited_for_no_longer_than_asked():
    with Receiver() as on_call:
        assert on_call.wait_for("anything", within_s=0.0) is None


def test_what_is_no_message_is_refused():
    with Receiver() as on_call:
        url = on_call.address.replace("json://", "http://")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, data=b"[1]", timeout=5)
        refused.value.close()
        assert on_call.messages == ()
