// The name that a user most likely meant.

/// The nearest of some names by edit distance, if it is near enough to be a likely slip.
package func nearest(to name: String, among names: [String]) -> String? {
  let count = name.count
  let limit = max(count / 3, 2)
  // Lengths alone settle most cases: a hostile key may be long.
  return names.filter { abs($0.count - count) <= limit }.map {
    (distance: editDistance(name, $0), name: $0)
  }
  .filter { $0.distance <= limit }
  .min { $0.distance < $1.distance }?.name
}

/// How many letters must be changed, added or removed (Levenshtein 1966).
func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let change = diagonal + (letter == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(change, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
