"""Asks a running keeper's monitor how it is."""

import json
from typing import Any

ANSWER_SECONDS = 3


class Absent(Exception):
    """No keeper answers there."""


def fetch_status(listen: str) -> dict[str, Any]:
    """The answer of ``/status``.

    Parameters
    ----------
    listen
        Host and port, as ``monitor.listen`` has them.

    Raises
    ------
    Absent
        Nobody answers, or it is no keeper.
    """
    import httpx

    host, _, port = listen.rpartition(":")
    # Listening on all addresses is reached at the loopback one.
    target = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound
    try:
        answer = httpx.get(f"http://{target}:{port}/status", timeout=ANSWER_SECONDS, trust_env=False)
        document = json.loads(answer.text)
    except (httpx.HTTPError, ValueError) as error:
        raise Absent(str(error)) from None
    if not isinstance(document, dict) or "ready" not in document:
        raise Absent("something else answers there")
    return document
