"""HTTP/1.1 as uvicorn speaks it on httptools, with the limit on a request's head that it lacks."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD = 64 * 1024  # bytes of request line and headers, which anyone can send unasked


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up on a request whose head does not come to an end: it would be kept in memory."""

    _in_head = False
    _head = 0

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the head has grown over the limit."""
        super().data_received(data)
        self._head = self._head + len(data) if self._in_head else 0
        if self._head > LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """A request line begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        super().on_headers_complete()
