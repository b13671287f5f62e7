"""Makes retrieval.json: passages and queries with the vectors' cosines as sentence-transformers and faiss give them, the BM25 of
rank-bm25 under FTS5's own formula, and the measures of pytrec_eval.

    python make_retrieval_fixtures.py ../../../shared/data/all-MiniLM-L6-v2
"""

import json
import math
import pathlib
import random
import re
import sys

import faiss
import numpy
import pytrec_eval
from rank_bm25 import BM25Okapi
from sentence_transformers import SentenceTransformer

FACTS = [
    ("The capital of {} is {}.", [
        ("France", "Paris"), ("Spain", "Madrid"), ("Norway", "Oslo"), ("Kenya", "Nairobi"), ("Peru", "Lima"),
        ("Japan", "Tokyo"), ("Poland", "Warsaw"), ("Cuba", "Havana"), ("Chile", "Santiago"), ("Egypt", "Cairo")]),
    ("{} wrote the play {}, which is still performed today; it is one of the plays that schools read.", [
        ("Shakespeare", "Hamlet"), ("Ibsen", "A Doll's House"), ("Chekhov", "The Seagull"),
        ("Molière", "Tartuffe"), ("Goethe", "Faust"), ("Sophocles", "Antigone")]),
    ("Water of the river {} flows into the {}.", [
        ("Nile", "Mediterranean Sea"), ("Danube", "Black Sea"), ("Rhine", "North Sea"), ("Volga", "Caspian Sea"),
        ("Amazon", "Atlantic Ocean"), ("Mekong", "South China Sea")]),
    ("{} is a metal with the symbol {}; its price changes every day.", [
        ("Gold", "Au"), ("Silver", "Ag"), ("Iron", "Fe"), ("Lead", "Pb"), ("Copper", "Cu"), ("Tin", "Sn")]),
]
QUERIES = [
    "What is the capital of Norway?", "Who wrote Hamlet?", "Where does the Danube end?", "symbol of silver",
    "Which play did Molière write", "rivers that reach the Caspian Sea", "NEAR AND OR \"NOT\" (gold*)", "zebra",
]


class FTS5(BM25Okapi):
    """k1 = 1.2, b = 0.75, and an idf that is never below 1e-6 (https://sqlite.org/fts5.html#the_bm25_function)."""

    def __init__(self, corpus):
        super().__init__(corpus, k1=1.2, b=0.75)

    def _calc_idf(self, nd):
        for word, count in nd.items():
            self.idf[word] = max(math.log((self.corpus_size - count + 0.5) / (count + 0.5)), 1e-6)


def folded(text):
    """What unicode61 makes of it: words in lower case without diacritics."""
    import unicodedata

    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain.lower())


passages = [
    {"id": f"p{number}", "text": form.format(*pair), "kind": ["capital", "play", "river", "metal"][kind]}
    for number, (kind, form, pair) in enumerate(
        (kind, form, pair) for kind, (form, pairs) in enumerate(FACTS) for pair in pairs)
]
model = SentenceTransformer(sys.argv[1], device="cpu")
vectors = model.encode([row["text"] for row in passages], normalize_embeddings=True)
asked = model.encode(QUERIES, normalize_embeddings=True)
index = faiss.IndexFlatIP(vectors.shape[1])
index.add(vectors)
scores, places = index.search(asked, 5)
dense = [
    [{"id": passages[place]["id"], "score": float(score)} for place, score in zip(*row)] for row in zip(places, scores)
]
bm25 = FTS5([folded(row["text"]) for row in passages])
lexical = []
for query in QUERIES:
    found = bm25.get_scores(folded(query))
    order = [place for place in numpy.argsort(-found, kind="stable") if found[place] > 0][:5]
    lexical.append([{"id": passages[place]["id"], "score": float(found[place])} for place in order])

draw = random.Random(0)
runs, judged = {}, {}
for question in range(40):
    documents = draw.sample(range(30), draw.randint(1, 20))
    runs[f"q{question}"] = {f"d{d}": round(draw.random(), 1) for d in documents}
    judged[f"q{question}"] = {f"d{d}": draw.randint(0, 3) for d in draw.sample(range(30), draw.randint(1, 8))}
measures = ["recall_1", "recall_5", "recall_10", "recip_rank", "ndcg_cut_5", "ndcg_cut_10"]
each = pytrec_eval.RelevanceEvaluator(judged, {"recall.1,5,10", "recip_rank", "ndcg_cut.5,10"}).evaluate(runs)
means = {name: sum(each[q][name] for q in each) / len(each) for name in measures}
# Questions without a relevant document count too.
assert len(each) == 40

pathlib.Path(__file__).with_name("retrieval.json").write_text(
    json.dumps(
        {
            "passages": passages, "queries": QUERIES, "dense": dense, "lexical": lexical,
            "runs": [
                {"found": runs[q], "relevant": judged[q]} for q in sorted(runs)
            ],
            "measures": means,
        }, ensure_ascii=False, indent=1) + "\n")
