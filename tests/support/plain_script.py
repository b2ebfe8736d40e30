"""What one would write in ten minutes, to be compared with: `python -m tests.support.plain_script URL ROWS`.

`AsyncOpenAI` and a semaphore: no journal, no ledger, no limits. Prints the seconds of CPU that the calls took.
"""

import asyncio
import sys
import time

from openai import AsyncOpenAI

from tests.support.waves import words


async def main(base_url: str, rows: int) -> None:
    client = AsyncOpenAI(api_key="none", base_url=base_url)
    semaphore = asyncio.Semaphore(200)

    async def ask(token: str) -> str | None:
        async with semaphore:
            answer = await client.chat.completions.create(
                model="m", max_tokens=300, messages=[{"role": "user", "content": words(token)}]
            )
            return answer.choices[0].message.content

    started = time.process_time()
    answers = await asyncio.gather(*(ask(f"t{number}") for number in range(rows)))
    assert all(answers)
    print(time.process_time() - started)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
