// Sixteen fp32 numbers at a time: loads, stores, sums and the exponential.
//
// `.clamped`, `.rounded` and conversions of SIMD types are scalar loops in this compiler; comparisons
// with `replacing(with:where:)`, magic-number rounding and bit casts are single instructions.

import Tensors

@usableFromInline package typealias Vector = SIMD16<Float>

/// A group of up to sixteen neighbouring elements; only the last group of a row is shorter.
@usableFromInline package struct Lanes {
  @usableFromInline let offset: Int
  @usableFromInline let count: Int

  @inlinable @inline(__always) init(offset: Int, count: Int) {
    self.offset = offset
    self.count = count
  }

  /// The elements at this place of a row; lanes past the end hold `fill`.
  @inlinable @inline(__always) package func load(_ row: UnsafePointer<Float>, fill: Float = 0) -> Vector {
    if count == 16 { return UnsafeRawPointer(row + offset).loadUnaligned(as: Vector.self) }
    var vector = Vector(repeating: fill)
    for lane in 0..<count { vector[lane] = row[offset + lane] }
    return vector
  }

  /// Elements of a row of bfloat16.
  @inline(__always) func load(_ row: UnsafePointer<BFloat16>) -> Vector {
    var vector = Vector()
    withUnsafeMutableBytes(of: &vector) {
      BFloat16.widen(row + offset, count: count, into: $0.assumingMemoryBound(to: Float.self).baseAddress!)
    }
    return vector
  }

  @inlinable @inline(__always) package func load(_ row: UnsafeMutablePointer<Float>, fill: Float = 0)
    -> Vector
  {
    load(UnsafePointer(row), fill: fill)
  }

  @inlinable @inline(__always) package func store(_ vector: Vector, _ row: UnsafeMutablePointer<Float>) {
    if count == 16 {
      UnsafeMutableRawPointer(row + offset).storeBytes(of: vector, as: Vector.self)
    } else {
      for lane in 0..<count { row[offset + lane] = vector[lane] }
    }
  }

  /// Writes the elements, or adds them to what is there.
  @inlinable @inline(__always) package func store(
    _ vector: Vector, _ row: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    store(adding ? load(row) + vector : vector, row)
  }
}

/// Walks a row of `count` elements, sixteen at a time, with the shorter rest last.
@inlinable @inline(__always) package func forEachVector(_ count: Int, _ body: (Lanes) -> Void) {
  forEachVector(in: 0..<count, body)
}

@inlinable @inline(__always) package func forEachVector(in range: Range<Int>, _ body: (Lanes) -> Void) {
  var offset = range.lowerBound
  while offset + 16 <= range.upperBound {
    body(Lanes(offset: offset, count: 16))
    offset += 16
  }
  if offset < range.upperBound { body(Lanes(offset: offset, count: range.upperBound - offset)) }
}

extension SIMD16<Float> {
  /// The sum of all lanes, always in the same order.
  @inlinable @inline(__always) package var total: Float {
    let eight = lowHalf + highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two[0] + two[1]
  }

  @inlinable @inline(__always) package var largest: Float {
    let eight = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
    let four = eight.lowHalf.replacing(with: eight.highHalf, where: eight.highHalf .> eight.lowHalf)
    return Swift.max(Swift.max(four[0], four[1]), Swift.max(four[2], four[3]))
  }

  @inlinable @inline(__always) package func maximum(_ other: Self) -> Self {
    replacing(with: other, where: other .> self)
  }

  /// `self + a · b`, rounded once.
  @inlinable @inline(__always) package func adding(_ a: Self, times b: Self) -> Self { addingProduct(a, b) }
}

/// e to the power of x, within 2 ulp; 0 below -87.3, where fp32 has only denormals, and infinity above 88.7.
///
/// x = n·ln 2 + f, then a polynomial of degree 6 in f (Cephes `expf`) times 2^n by exponent bits.
@_transparent package func exponential(_ x: Vector) -> Vector {
  let high = Vector(repeating: 88.72283)
  let low = Vector(repeating: -87.33654)
  var y = x.replacing(with: high, where: x .> high)
  y = y.replacing(with: low, where: x .< low)
  // Adding 1.5·2^23 rounds to a whole number and leaves it in the low bits of the mantissa.
  let magic = Vector(repeating: 12_582_912)
  let rounded = magic.addingProduct(y, Vector(repeating: 1.442_695_04))
  let n = rounded - magic
  var f = y.addingProduct(n, Vector(repeating: -0.693_359_375))
  f = f.addingProduct(n, Vector(repeating: 2.121_944_4e-4))
  var p = Vector(repeating: 1.987_569_15e-4)
  p = Vector(repeating: 1.398_199_95e-3).addingProduct(p, f)
  p = Vector(repeating: 8.333_451_9e-3).addingProduct(p, f)
  p = Vector(repeating: 4.166_579_6e-2).addingProduct(p, f)
  p = Vector(repeating: 1.666_666_55e-1).addingProduct(p, f)
  p = Vector(repeating: 0.5).addingProduct(p, f)
  p = (f + 1).addingProduct(p, f * f)
  // n goes into the exponent's bits; at the bounds above p·2^n is still a normal number.
  let bits = unsafeBitCast(rounded, to: SIMD16<Int32>.self) &<< 23
  let scaled = unsafeBitCast(unsafeBitCast(p, to: SIMD16<Int32>.self) &+ bits, to: Vector.self)
  var result = scaled.replacing(with: 0, where: x .< low)
  result = result.replacing(with: .infinity, where: x .> high)
  return result.replacing(with: x, where: x .!= x)
}

/// 1 / (1 + e^-x).
@_transparent package func sigmoid(_ x: Vector) -> Vector { 1 / (1 + exponential(-x)) }
