"""Libraries, runs, assets, extracts and batches: the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "libraries",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(2000), nullable=False, unique=True),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("library", sa.Integer(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("started", sa.Float(53), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("finished", sa.Float(53)),
        sa.Column("counts", sa.Text()),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("trouble", sa.Text()),
    )
    op.create_index("runs_by_library", "runs", ["library", "shard", "id"])
    op.create_table(
        "assets",
        sa.Column("library", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("last_modified", sa.Text(), nullable=False),
        sa.Column("report_key", sa.LargeBinary(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("judge", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.Text()),
        sa.Column("report_etag", sa.Text()),
        sa.Column("verdict", sa.String(12)),
        sa.Column("brief", sa.Text()),
        sa.Column("batch", sa.Integer()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Float(53)),
        sa.PrimaryKeyConstraint("library", "key"),
    )
    for name, columns in (
        ("assets_by_state", ["run", "state", "key"]),
        ("assets_by_report", ["run", "report_key"]),
        ("assets_by_batch", ["run", "batch"]),
        ("assets_by_end", ["run", "ended"]),
    ):
        op.create_index(name, "assets", columns)
    op.create_table(
        "extracts",
        sa.Column("library", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("extract", sa.LargeBinary(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.PrimaryKeyConstraint("library", "key"),
    )
    op.create_table(
        "batches",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(16), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("seen", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("run", "number"),
    )
    op.create_index("batches_by_state", "batches", ["state", "queue", "run", "number"])
