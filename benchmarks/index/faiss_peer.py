"""faiss as a peer: reads codes from a folder, answers a line of the name of an index by the time of its searches and the best rows."""

import json
import os
import sys
import time

import faiss
import numpy as np

faiss.omp_set_num_threads(1)
folder, rows, dim = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def read(name, kind):
    return np.fromfile(os.path.join(folder, name), kind)


def product(name, m, bits):
    index = faiss.IndexPQ(dim, m, bits, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(read(name + ".books", "f4"), index.pq.centroids)
    faiss.copy_array_to_vector(read(name + ".codes", "u1"), index.codes)
    index.ntotal = rows
    index.is_trained = True
    return index


indexes = {"pq8": product("pq8", dim // 8, 8), "pq4": product("pq4", dim // 4, 4)}
binary = faiss.IndexBinaryFlat(dim)
binary.add(read("bits.codes", "u1").reshape(rows, dim // 8))
queries = read("queries", "f4").reshape(-1, dim)
bits = read("bits.queries", "u1").reshape(-1, dim // 8)
print(json.dumps({"version": faiss.__version__}), flush=True)

for line in sys.stdin:
    name = line.strip()
    start = time.process_time()
    ids = []
    for i in range(len(queries)):
        if name == "bits":
            scores, found = binary.search(bits[i : i + 1], 10)
        else:
            scores, found = indexes[name].search(queries[i : i + 1], 10)
        ids.append([scores[0].tolist(), found[0].tolist()])
    ms = (time.process_time() - start) * 1000 / len(queries)
    print(json.dumps({"ms": ms, "hits": ids}), flush=True)
