// GELU as it is defined: y = x · Φ(x), with Φ the distribution function of the normal distribution (Hendrycks & Gimpel
// 2016; `gelu` of torch and transformers). `Activations` has its tanh form.

/// 1 / √(2π)
private let density: Float = 0.398_942_28

/// |x|, but at most 20: beyond, the gate is 0 or 1 in fp32, and squares of larger numbers would only overflow.
@_transparent private func boundedMagnitude(_ x: Vector) -> Vector {
  let magnitude = unsafeBitCast(unsafeBitCast(x, to: SIMD16<UInt32>.self) & 0x7FFF_FFFF, to: Vector.self)
  return magnitude.replacing(with: 20, where: magnitude .> 20)
}

/// e^(z²/2) Φ(-z) for z in 0...20, within 4e-7 of its value: a polynomial in t = 1 / (1 + z / √8), fitted to
/// erfc(z / √2) e^(z²/2) / t with the least largest error.
@_transparent private func scaledTail(_ z: Vector) -> Vector {
  let t = 1 / (z * 0.353_553_39 + 1)
  // Written out: in a loop over the coefficients, the compiler would cut vectors into pieces.
  var p = Vector(repeating: -0.059_386_47)
  p = Vector(repeating: 0.286_124_02).addingProduct(p, t)
  p = Vector(repeating: -0.490_406_57).addingProduct(p, t)
  p = Vector(repeating: 0.281_733_6).addingProduct(p, t)
  p = Vector(repeating: -0.029_148_806).addingProduct(p, t)
  p = Vector(repeating: 0.203_752_67).addingProduct(p, t)
  p = Vector(repeating: 0.242_835_07).addingProduct(p, t)
  p = Vector(repeating: 0.282_412_11).addingProduct(p, t)
  p = Vector(repeating: 0.282_084_35).addingProduct(p, t)
  return 0.5 * t * p
}

/// Φ(x), for z = |x| and e^(-z²/2).
@_transparent private func gate(_ x: Vector, _ z: Vector, _ bell: Vector) -> Vector {
  let tail = scaledTail(z) * bell
  return tail.replacing(with: 1 - tail, where: x .> 0)
}

@_transparent func gaussianGELU(_ x: Vector) -> Vector {
  let z = boundedMagnitude(x)
  return x * gate(x, z, exponential(z * z * -0.5))
}

@_transparent func gaussianGELUSlope(_ x: Vector) -> Vector {
  let z = boundedMagnitude(x)
  let bell = exponential(z * z * -0.5)
  let term = z * bell * density
  return gate(x, z, bell) + term.replacing(with: -term, where: x .< 0)
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
