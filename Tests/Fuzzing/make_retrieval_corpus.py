"""Makes the files of Tests/Fuzzing/Corpus/retrieval that fuzzing begins with: small indexes with pages of 512 bytes, and
their vectors behind a line %%VECTORS%%.

    python make_retrieval_corpus.py
"""

import json
import pathlib
import re
import sqlite3
import struct
import tempfile

here = pathlib.Path(__file__).parent
source = (here / "../../Sources/Retrieval/IndexDatabase.swift").read_text()
SCHEMA = re.search(r'private static let schema = """\n(.*?)\n    """', source, re.S).group(1)
FACTS = {
    "form": 1, "encoder": "model", "fingerprint": "0", "width": 4, "vectors": "float32", "chunk_tokens": 8,
    "special_tokens": 2, "overlap": 1, "state": "complete", "generation": 1, "source": "", "done": 2,
}  # fmt: skip
TEXTS = ["the cat sat on the mat", "é ships sail"]


def database(facts, more=()):
    with tempfile.NamedTemporaryFile() as file:
        db = sqlite3.connect(file.name)
        db.execute("PRAGMA page_size = 512")
        db.executescript(SCHEMA)
        db.execute("INSERT INTO facts VALUES (1, ?)", [json.dumps(facts)])
        for number, text in enumerate(TEXTS, 1):
            db.execute("INSERT INTO documents VALUES (?, ?, 'h', '{\"a\": 1}')", [number, f"id{number}"])
            db.execute("INSERT INTO chunks VALUES (?, ?, 0, 0, ?)", [number, number, text])
            db.execute("INSERT INTO lexical(rowid, text) VALUES (?, ?)", [number, text])
        db.execute("INSERT INTO parts VALUES (1, 2)")
        for sql in more:
            db.execute(sql)
        db.commit()
        db.close()
        return pathlib.Path(file.name).read_bytes()


def vectors(kind):
    parts = {"numbers": ("I64", [2], struct.pack("<2q", 1, 2))}
    if kind == "float32":
        parts["vectors"] = ("F32", [2, 4], struct.pack("<8f", *range(8)))
        parts["centroids"] = ("F32", [1, 4], struct.pack("<4f", *range(4)))
        parts["starts"] = ("I64", [2], struct.pack("<2q", 0, 2))
    else:
        parts["vectors"] = ("I8", [2, 4], bytes(range(8)))
        parts["largest"] = ("F32", [2], struct.pack("<2f", 1, 2))
    header, data = {}, b""
    for name, (type_, shape, values) in parts.items():
        header[name] = {"dtype": type_, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + data


MARK = b"\n%%VECTORS%%\n"
folder = here / "Corpus/retrieval"
for name, content in {
    "float32": database(FACTS) + MARK + vectors("float32"),
    "int8": database(FACTS | {"vectors": "int8"}) + MARK + vectors("int8"),
    "building": database(FACTS | {"state": "building"}),
    "view": database(FACTS, ["DROP TABLE removed", "CREATE VIEW removed AS WITH RECURSIVE c(chunk) AS "
                             "(SELECT 1 UNION ALL SELECT chunk + 1 FROM c) SELECT chunk FROM c"]),
}.items():  # fmt: skip
    (folder / name).write_bytes(content)
    print(name, len(content))
