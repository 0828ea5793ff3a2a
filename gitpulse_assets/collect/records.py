"""Issue records on their way into bronze: cut from their pages, and read no further than bronze needs."""

import datetime as dt
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.model import UTC_TIMESTAMP
from gitpulse_assets.github.pages import Page


class RecordHead(msgspec.Struct):
    """The few fields the manifest and the control total need; the rest stays unparsed until silver."""

    id: int | None = None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    state: str | None = None
    # Not `Raw | None`: an object matches neither of the two, and the whole head would be lost.
    pull_request: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def is_pull_request(self) -> bool:
        """Whether `pull_request` is present and not null."""
        return bytes(self.pull_request) != b"null"


HEAD_DECODER = msgspec.json.Decoder(RecordHead)


def read_head(record: bytes) -> RecordHead:
    """Read a record's head; one that cannot be read has an empty head and is judged in silver."""
    try:
        return HEAD_DECODER.decode(record)
    except msgspec.DecodeError:
        return RecordHead()


def issue_batch(
    session: Session, pages: Sequence[Page], heads: Sequence[RecordHead], first_page_number: int
) -> pa.Table:
    """Return the pages' records as rows of `bronze/issues`; `heads` are theirs, in order."""
    counts = [len(page.records) for page in pages]
    records = [record for page in pages for record in page.records]
    columns = {
        "run_id": pa.repeat(session.run_id, len(records)),
        "repo_owner": pa.repeat(session.repo.owner, len(records)),
        "repo_name": pa.repeat(session.repo.name, len(records)),
        "page_number": [
            first_page_number + index for index, count in enumerate(counts) for _ in range(count)
        ],
        "record_number": [number for count in counts for number in range(1, count + 1)],
        "fetched_at": pa.chunked_array(
            [
                pa.repeat(pa.scalar(page.date, UTC_TIMESTAMP), count)
                for page, count in zip(pages, counts, strict=True)
            ]
        ).combine_chunks(),
        "issue_id": [head.id for head in heads],
        "issue_updated_at": [head.updated_at for head in heads],
        "issue_state": [head.state for head in heads],
        "is_pull_request": [head.is_pull_request for head in heads],
        "payload_json": pa.array(records, pa.binary()).cast(pa.string()),
    }
    return pa.table(columns, schema=ISSUES.arrow_schema)
