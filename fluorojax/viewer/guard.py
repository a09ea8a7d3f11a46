"""Who may ask: a page that this server gave out itself, on this machine, with its token."""

import hmac
from email.message import Message
from urllib.parse import urlsplit

HEADER = "X-Fluorojax-Token"
NAMES = ("127.0.0.1", "localhost")
MOST = 16 * 2**20  # bytes of a request's body

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the browser lets the page do: run what stands in it, and ask this server."""


def refusal(headers: Message, port: int, token: str, given: str) -> str:
    """Return why a request is refused; '' where it is not.

    A page elsewhere cannot ask: its Host (after DNS rebinding), Origin or Referer would be another,
    and it does not know the token, which goes in a header of our own and never in a cookie.

    Args:
        headers: of the request.
        port: that is listened on.
        token: that must be given.
        given: the token in the address of the page, if any: such a request may come from the file
            that the browser was started with.
    """
    hosts = headers.get_all("Host", [])
    if len(hosts) != 1 or hosts[0] not in {f"{name}:{port}" for name in NAMES}:
        return "this host is not served"
    for name in ("Origin", "Referer"):
        if (value := headers.get(name)) is not None and not _is_ours(value, port):
            return f"this {name} may not ask"
    if not given and headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return "another site may not ask"
    asked = given or headers.get(HEADER) or ""
    if not hmac.compare_digest(asked.encode("utf-8", "replace"), token.encode()):
        return "no token, or another: open the address that the command has printed"
    return ""


def _is_ours(value: str, port: int) -> bool:
    """Say whether an Origin or a Referer is of this server."""
    try:
        parts = urlsplit(value)
        return parts.scheme == "http" and parts.hostname in NAMES and parts.port == port
    except ValueError:
        return False


def length_of(headers: Message) -> int | None:
    """Return the length of a request's body; None where it says none, or more than MOST."""
    text = headers.get("Content-Length", "")
    if "Transfer-Encoding" in headers or not (text.isascii() and text.isdigit() and len(text) < 12):
        return None
    length = int(text)
    return length if length <= MOST else None
