"""Writes Tests/Fixtures/parquet: small files in each encoding, and their rows as pyarrow reads them, as JSON lines.

    python Tests/Fixtures/make_parquet_fixtures.py      # pyarrow 26, duckdb 2
"""
import datetime
import decimal
import json
import math
import os
import uuid

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "parquet")


def plain(value, kind):
    """A value as JSON shows it."""
    if value is None:
        return None
    if pa.types.is_timestamp(kind):
        text = str(np.datetime64(value.cast(pa.int64()).as_py(), kind.unit))
        return text + ("Z" if kind.tz else "")
    if pa.types.is_struct(kind):
        return None if not value.is_valid else {f.name: plain(value[f.name], f.type) for f in kind}
    if pa.types.is_map(kind):
        if not value.is_valid:
            return None
        entries = [(e["key"], e["value"]) for e in value.values]
        pairs = [(plain(k, kind.key_type), plain(v, kind.item_type)) for k, v in entries]
        return dict(pairs) if pa.types.is_string(kind.key_type) else [list(p) for p in pairs]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return None if not value.is_valid else [plain(e, kind.value_type) for e in value.values]
    value = value.as_py()
    if isinstance(value, decimal.Decimal):
        return int(value) if kind.scale <= 0 and abs(value) < 2**63 else float(value)
    if isinstance(value, datetime.time):
        digits = {"ms": 3, "us": 6, "ns": 9}[kind.unit]
        return value.strftime("%H:%M:%S.%f").ljust(18, "0")[: 9 + digits]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value)) if kind == pa.uuid() else value.decode()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and value >= 2**63:
        return float(value)
    return value


def rows(table):
    for index in range(table.num_rows):
        row = {}
        for name, column in zip(table.column_names, table.columns):
            cell = column[index]
            row[name] = plain(cell if cell.is_valid else None, column.type)
        yield row


def expect(name):
    table = pq.read_table(f"{FOLDER}/{name}.parquet")
    with open(f"{FOLDER}/{name}.jsonl", "w") as file:
        for row in rows(table):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def write(name, table, **options):
    options = {"compression": "none", "use_dictionary": False, **options}
    # The names of types that only Arrow knows would double the files.
    pq.write_table(table, f"{FOLDER}/{name}.parquet", store_schema=False, **options)
    expect(name)


def every_third_null(values):
    return [None if index % 3 == 2 else value for index, value in enumerate(values)]


def scalars(count):
    numbers = [(-1) ** i * i * 7919 for i in range(count)]
    words = ["", "a", "straße", "你好, welt", "ends\n", "🙂", "a longer text that is not like the others"]
    columns = {
        "truth": pa.array(every_third_null([i % 4 == 0 for i in range(count)])),
        "i8": pa.array(every_third_null([n % 128 for n in numbers]), pa.int8()),
        "i16": pa.array(every_third_null([n % 30000 - 15000 for n in numbers]), pa.int16()),
        "i32": pa.array(every_third_null(numbers), pa.int32()),
        "i64": pa.array([n * 2**40 for n in numbers], pa.int64()),
        "u8": pa.array([255 - i % 9 for i in range(count)], pa.uint8()),
        "u16": pa.array([65535 - i for i in range(count)], pa.uint16()),
        "u32": pa.array([2**32 - 1 - i for i in range(count)], pa.uint32()),
        "u64": pa.array([2**63 - 3 + i for i in range(count)], pa.uint64()),
        "f16": pa.array(np.array([0.1 * n for n in range(count)], np.float16)),
        "f32": pa.array(every_third_null([n / 3 for n in numbers]), pa.float32()),
        "f64": pa.array([n / 7 if n else math.nan for n in numbers], pa.float64()),
        "text": pa.array(every_third_null([words[i % len(words)] for i in range(count)])),
        "bytes": pa.array([b"bytes %d" % i for i in range(count)], pa.binary()),
        "fixed": pa.array([b"f%03d" % i for i in range(count)], pa.binary(4)),
        "nothing": pa.nulls(count),
    }
    return pa.table(columns)


def calendar():
    stamps = [0, 1, -1, 951782400123456789, -62135596800000000000 // 1000 * 10, 4102444799999999999]
    days = [0, -1, 18262, 11016, -719162, 2932896]
    columns = {"date": pa.array(days, pa.date32())}
    for unit, divisor in (("ms", 10**6), ("us", 10**3), ("ns", 1)):
        values = [s // divisor for s in stamps]
        columns[f"at_{unit}"] = pa.array(values, pa.timestamp(unit))
        columns[f"utc_{unit}"] = pa.array(values, pa.timestamp(unit, "UTC"))
    columns["time_ms"] = pa.array([0, 1, 86399999, 3723004, None, 5], pa.time32("ms"))
    columns["time_us"] = pa.array([0, 1, 86399999999, 3723004005, None, 5], pa.time64("us"))
    columns["decimal9"] = pa.array([decimal.Decimal(d) for d in ("0.00", "-1.25", "1234567.89", "3.10", "0.01", "-0.99")], pa.decimal128(9, 2))
    columns["decimal18"] = pa.array([decimal.Decimal(i * 123456789) / 10 for i in range(6)], pa.decimal128(18, 1))
    columns["decimal38"] = pa.array([decimal.Decimal(-(10**i)) for i in range(6)], pa.decimal128(38, 0))
    columns["uuid"] = pa.array([uuid.UUID(int=i * 2**100 + 5).bytes for i in range(6)], pa.uuid())
    return pa.table(columns)


def conversations():
    turn = pa.struct([("role", pa.string()), ("content", pa.string()), ("weight", pa.float64())])
    messages = [
        [{"role": "user", "content": "Hi", "weight": None}, {"role": "assistant", "content": "Hello!", "weight": 1.5}],
        [], None,
        [{"role": "system", "content": "", "weight": 0.0}, None, {"role": None, "content": "x", "weight": None}],
        [{"role": "user", "content": f"turn {i}", "weight": float(i)} for i in range(9)],
    ]
    grid = [[[1, 2], [3]], [[]], None, [None, [None, 4]], [[5] * 20, [], [6]]]
    person = pa.struct([("name", pa.string()), ("home", pa.struct([("street", pa.string()), ("number", pa.int32())]))])
    people = [
        {"name": "A", "home": {"street": "S", "number": 1}}, None, {"name": "B", "home": None},
        {"name": None, "home": {"street": None, "number": 2}}, {"name": "C", "home": {"street": "T", "number": None}},
    ]
    settings = [[("a", 1), ("b", None)], [], None, [("straße", 3)], [("k%d" % i, i) for i in range(5)]]
    numbered = [[(1, ["x", "y"])], [], None, [(2, None), (3, [])], [(4, ["z"])]]
    return pa.table({
        "messages": pa.array(messages, pa.list_(turn)),
        "grid": pa.array(grid, pa.list_(pa.list_(pa.int64()))),
        "person": pa.array(people, person),
        "settings": pa.array(settings, pa.map_(pa.string(), pa.int32())),
        "numbered": pa.array(numbered, pa.map_(pa.int32(), pa.list_(pa.string()))),
        "id": pa.array(range(5), pa.int64()),
    })


def lines(count):
    return pa.table({
        "text": pa.array([f"line {i % 40} of the same words" if i % 5 else f"other {i * 7919}" for i in range(count)]),
        "number": pa.array(every_third_null([i * i - 5 * i for i in range(count)]), pa.int64()),
    })


def delta(values):
    kinds = {"i32": "DELTA_BINARY_PACKED", "i64": "DELTA_BINARY_PACKED", "short": "DELTA_LENGTH_BYTE_ARRAY",
             "sorted": "DELTA_BYTE_ARRAY", "fixed": "DELTA_BYTE_ARRAY"}
    table = pa.table({
        "i32": pa.array([(-1) ** i * (i * 40503 % 2**31) for i in range(values)], pa.int32()),
        "i64": pa.array(every_third_null([(-1) ** i * 2**62 if i % 50 == 7 else i * 3 for i in range(values)]), pa.int64()),
        "short": pa.array(every_third_null(["é" * (i % 5) for i in range(values)])),
        "sorted": pa.array([f"https://example.org/page/{i:04}" for i in range(values)]),
        "fixed": pa.array([b"p%03d" % i for i in range(values)], pa.binary(4)),
    })
    write("delta", table, column_encoding=kinds)
    write("delta_v2", table, column_encoding=kinds, data_page_version="2.0", compression="zstd")


def split(values):
    table = pa.table({
        "f32": pa.array(every_third_null([i / 3 for i in range(values)]), pa.float32()),
        "f64": pa.array([i / 7 for i in range(values)], pa.float64()),
        "i32": pa.array([-i * 65537 for i in range(values)], pa.int32()),
        "i64": pa.array([i * 2**33 - 5 for i in range(values)], pa.int64()),
        "fixed": pa.array([b"q%03d" % i for i in range(values)], pa.binary(4)),
    })
    write("split", table, column_encoding={name: "BYTE_STREAM_SPLIT" for name in table.column_names})


def duck():
    connection = duckdb.connect()
    connection.execute("""CREATE TABLE rows AS SELECT i AS id, i % 7 = 0 AS truth, (i * 7919) % 1000 AS number,
        CASE WHEN i % 3 = 2 THEN NULL ELSE 'word ' || (i % 11) END AS text, 'text ' || i AS other, i / 7.0 AS ratio,
        CAST(i AS DECIMAL(9, 2)) AS price, DATE '2024-02-28' + CAST(i AS INTEGER) AS day,
        TIMESTAMP '2024-02-28 12:34:56' + INTERVAL (i) HOUR AS at, [i, NULL, i + 1] AS list,
        [{'role': 'user', 'content': 'hi ' || i}, {'role': 'assistant', 'content': NULL}] AS messages,
        MAP {'k' || i: i} AS settings FROM range(60) r(i)""")
    for name, options in {
        "duckdb_snappy": "CODEC 'snappy'", "duckdb_zstd": "CODEC 'zstd', ROW_GROUP_SIZE 2048",
        "duckdb_gzip": "CODEC 'gzip'", "duckdb_none": "CODEC 'uncompressed'",
        "duckdb_v2": "CODEC 'zstd', PARQUET_VERSION 'V2', STRING_DICTIONARY_PAGE_SIZE_LIMIT 1",
    }.items():
        connection.execute(f"COPY rows TO '{FOLDER}/{name}.parquet' (FORMAT parquet, {options})")
        expect(name)


def main():
    os.makedirs(FOLDER, exist_ok=True)
    write("scalars", scalars(30), row_group_size=13)
    write("scalars_v2", scalars(30), data_page_version="2.0", compression="zstd", use_dictionary=True)
    write("version_1", lines(40), version="1.0", use_dictionary=True)
    write("calendar", calendar())
    write("int96", pa.table({"at": pa.array([0, 951782400123456789, -1], pa.timestamp("ns"))}),
          use_deprecated_int96_timestamps=True)
    for codec in ("none", "snappy", "gzip", "zstd"):
        write(f"nested_{codec}", conversations(), compression=codec, use_dictionary=True, write_page_checksum=True)
    write("nested_v2", conversations(), compression="snappy", data_page_version="2.0", row_group_size=2)
    write("nested_old_lists", conversations().select(["messages", "grid"]), use_compliant_nested_type=False)
    write("pages", lines(400), use_dictionary=["text"], compression="snappy", data_page_size=512, write_batch_size=32,
          dictionary_pagesize_limit=600, row_group_size=250)
    write("truths", pa.table({"truth": pa.array(every_third_null([i // 20 % 2 == 0 for i in range(100)]))}),
          column_encoding={"truth": "RLE"})
    delta(130)
    split(40)
    duck()


def images():
    """Texts beside bytes that are no text, as the hub stores images."""
    table = pa.table({"text": ["ab", "cd"], "image": [{"bytes": b"\xff\xd8\xff", "path": None}] * 2})
    pq.write_table(table, os.path.dirname(FOLDER) + "/images.parquet", store_schema=False, write_statistics=False)


def check_written():
    """pyarrow reads what swiftdp has written (ParquetWriterTests, with SWIFTDP_WRITE_FIXTURES=1) as its rows."""
    with open(f"{FOLDER}/written.jsonl", "w") as file:
        for i in range(40):
            row = {
                "id": i, "truth": [True, False, None][i % 3], "ratio": i / 8, "word": f"w{i % 4}",
                "text": None if i % 5 == 4 else f"straße {i * 7919}", "nothing": None, "large": (-1) ** i * 2**60 + i,
                "messages": None if i % 11 == 0 else [
                    {"role": ["user", "assistant"][t % 2], "content": None if t == 3 else f"turn {t}"} for t in range(i % 5)],
                "grid": [list(range(n)) for n in range(i % 4)],
                "home": {"street": "S", "place": {"x": 0.5, "y": None}} if i % 2 else None,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    path = f"{FOLDER}/written.parquet"
    if not os.path.exists(path):
        return print("written.parquet is missing: run ParquetWriterTests with SWIFTDP_WRITE_FIXTURES=1")
    table = pq.read_table(path)
    expected = [json.loads(line) for line in open(f"{FOLDER}/written.jsonl")]
    assert table.to_pylist() == expected, "pyarrow reads other rows"
    duck = duckdb.connect().execute(f"SELECT id, text, ratio FROM '{path}'").fetchall()
    assert duck == [(r["id"], r["text"], r["ratio"]) for r in expected], "duckdb reads other rows"
    print(f"written.parquet: {table.num_rows} rows, as pyarrow and duckdb read them")


main()
images()
check_written()
