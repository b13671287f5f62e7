// GELU as it is defined: y = x · Φ(x), with Φ the distribution function of the normal distribution (Hendrycks & Gimpel
// 2016; `gelu` of torch and transformers). `Activations` has its tanh form.

private let rootHalf: Float = 0.707_106_78
/// 1 / √(2π)
private let density: Float = 0.398_942_28

/// Φ(-|x|), within 1e-6 of its value: erfc(|x| / √2) / 2 with the rational argument and polynomial of Numerical
/// Recipes (Press et al. 1992, `erfcc`).
@inline(__always) private func tail(_ x: Vector) -> Vector {
  let z = x.replacing(with: -x, where: x .< 0) * rootHalf
  let t = 1 / (z * 0.5 + 1)
  var p = Vector(repeating: 0.170_872_77)
  for coefficient: Float in [
    -0.822_152_23, 1.488_515_87, -1.135_203_98, 0.278_868_07, -0.186_288_06, 0.096_784_18, 0.374_091_96,
    1.000_023_68, -1.265_512_23,
  ] { p = Vector(repeating: coefficient).addingProduct(p, t) }
  return 0.5 * t * exponential(p - z * z)
}

/// Beyond ±20 the gate is 0 or 1 in fp32; squares of larger numbers would only overflow.
@inline(__always) private func bounded(_ x: Vector) -> Vector {
  let y = x.replacing(with: 20, where: x .> 20)
  return y.replacing(with: -20, where: y .< -20)
}

@inline(__always) private func gate(_ z: Vector) -> Vector {
  let tail = tail(z)
  return tail.replacing(with: 1 - tail, where: z .> 0)
}

@inline(__always) func gaussianGELU(_ x: Vector) -> Vector { x * gate(bounded(x)) }

@inline(__always) func gaussianGELUSlope(_ x: Vector) -> Vector {
  let z = bounded(x)
  return gate(z) + z * exponential(z * z * -0.5) * density
}

extension Engine {
  /// y = x Φ(x), `count` elements.
  package func gaussianGELU(_ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>) {
    forEachStretch(count) { gaussianGELUHere(x + $0.lowerBound, count: $0.count, into: y + $0.lowerBound) }
  }

  /// The same on the calling thread.
  package func gaussianGELUHere(
    _ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>
  ) {
    forEachVector(count) { $0.store(Kernels.gaussianGELU($0.load(x)), y) }
  }

  /// dx = (Φ(x) + x φ(x)) dy, or dx += …
  package func gaussianGELUBackward(
    _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, dx: UnsafeMutablePointer<Float>,
    adding: Bool
  ) {
    forEachStretch(count) { range in
      forEachVector(in: range) {
        $0.store(gaussianGELUSlope($0.load(x)) * $0.load(dy), dx, adding: adding)
      }
    }
  }
}
