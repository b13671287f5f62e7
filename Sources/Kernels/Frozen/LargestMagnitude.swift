// The largest magnitude of a stretch, by which all quantised storage is scaled.

/// max |x|, or NaN where there is one: quantised numbers are then NaN too, and what reads them fails as it should.
func largestMagnitude(_ x: UnsafePointer<Float>, count: Int) -> Float {
  // As whole numbers, magnitudes have the same order, and NaN is the largest.
  var largest: UInt32 = 0
  for index in 0..<count { largest = max(largest, x[index].bitPattern & 0x7FFF_FFFF) }
  return Float(bitPattern: largest)
}
