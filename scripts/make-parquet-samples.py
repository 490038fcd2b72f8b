"""Makes packages/index/test/parquet/ with pyarrow: python3 scripts/make-parquet-samples.py"""

import datetime
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

out = pathlib.Path(__file__).parent.parent / "packages/index/test/parquet"
rows = 12
table = pa.table(
    {
        "id": pa.array([f"d{i}" for i in range(rows)]),
        "title": pa.array([None if i % 5 == 4 else f"title {i % 3}" for i in range(rows)]),
        "text": pa.array([f"text number {i} with ünïcode" for i in range(rows)]),
        "year": pa.array([2000 + i for i in range(rows)], pa.int64()),
        "score": pa.array([None if i == 7 else i / 4 for i in range(rows)], pa.float64()),
        "open": pa.array([i % 2 == 0 for i in range(rows)]),
        "tags": pa.array([[f"t{j}" for j in range(i % 3)] for i in range(rows)]),
        "place": pa.array([{"country": "de" if i % 2 else "fr"} for i in range(rows)]),
        "day": pa.array([datetime.date(2020, 1, 1 + i) for i in range(rows)]),
        "raw": pa.array([bytes([255, i]) for i in range(rows)]),
        "vector": pa.array([[i, i / 2, -i] for i in range(rows)], pa.list_(pa.float32())),
    }
)
common = {"row_group_size": 5, "store_schema": False}
for name, options in {
    "snappy": {"compression": "snappy"},
    "zstd-v2": {"compression": "zstd", "data_page_version": "2.0"},
    "gzip-plain": {"compression": "gzip", "use_dictionary": False},
    "brotli-v2": {"compression": "brotli", "data_page_version": "2.0", "use_dictionary": ["title"]},
    "none-delta": {
        "compression": "none",
        "use_dictionary": False,
        "column_encoding": {
            "id": "DELTA_BYTE_ARRAY",
            "title": "DELTA_BYTE_ARRAY",
            "text": "DELTA_LENGTH_BYTE_ARRAY",
            "year": "DELTA_BINARY_PACKED",
            "score": "BYTE_STREAM_SPLIT",
        },
    },
    "lz4": {"compression": "lz4"},
}.items():
    pq.write_table(table, out / f"{name}.parquet", **common, **options)
