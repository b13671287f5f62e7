// The largest number of a row, on the calling thread.

/// The place of the first of the largest numbers, and whether all numbers are finite.
package func largest(_ row: UnsafePointer<Float>, count: Int) -> (place: Int, isFinite: Bool) {
  var largest = Vector(repeating: -.infinity)
  // Infinity times zero is NaN, and stays.
  var watch = Vector()
  forEachVector(count) {
    let x = $0.load(row, fill: row[0])
    largest = largest.maximum(x)
    watch = watch.adding(x, times: Vector())
  }
  guard watch.total == 0 else { return (0, false) }
  let peak = largest.largest
  var place = 0
  while place < count - 1, row[place] != peak { place += 1 }
  return (place, true)
}
