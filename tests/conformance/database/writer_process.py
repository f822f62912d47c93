"""A process that writes until it is killed, and says on stdout what was acknowledged.

Run as ``python writer_process.py URL FIRST``: adds rows FIRST, FIRST + 1, … eight at a time.
"""

from __future__ import annotations

import asyncio
import os
import sys

from tests.conformance.database.servers import opened
from tests.conformance.database.things import INSERT, INSERT_PART, row


async def main(url: str, first: int) -> None:
    numbers = iter(range(first, first + 1_000_000))
    async with opened(url) as db:

        async def lane() -> None:
            for number in numbers:

                async def body(tx, number=number) -> None:
                    await tx.run(INSERT, row(number))
                    await tx.run(INSERT_PART, {"id": number, "thing": number})

                await db.write(body)
                os.write(1, b"%d\n" % number)

        await asyncio.gather(*(lane() for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
