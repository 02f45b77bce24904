"""A DNS server on loopback that knows SRV records and nothing else; needs dnspython."""

import socket
import threading
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Srv = tuple[int, int, int, str]  # priority, weight, port, target


class NameServer:
    """``with NameServer(records) as server:``, then ask 127.0.0.1:server.port.

    records: {name with its final dot: SRV records, [] for a name that has none of them, or a word:
             "servfail", "refused", "silent", "garbage"}; any other name does not exist.
    asked:   the names, in lower case.
    """

    def __init__(self, records: dict[str, list[Srv] | str]) -> None:
        self.records = records
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(4096)
            if not data:
                return
            try:
                reply = self._reply(dns.message.from_wire(data))
            except dns.exception.DNSException:
                continue
            if reply:
                self._socket.sendto(reply, client)

    def _reply(self, query: dns.message.Message) -> bytes:
        name = query.question[0].name.to_text().lower()
        self.asked.append(name)
        known = self.records.get(name)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if known is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif known in ("servfail", "refused"):
            reply.set_rcode(dns.rcode.from_text(str(known)))
        elif known == "silent":
            return b""
        elif known == "garbage":
            return b"no DNS at all"
        elif isinstance(known, list) and known:
            texts = [f"{priority} {weight} {port} {target}" for priority, weight, port, target in known]
            reply.answer.append(dns.rrset.from_text_list(name, 60, "IN", dns.rdatatype.SRV, texts))
        return reply.to_wire()
