// The nonlinear part of a feed-forward block.
//
// GELU, tanh form:  y = x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))   (Hendrycks & Gimpel 2016; `gelu_new`)
// SwiGLU:           y = silu(g) · u,   silu(g) = g · σ(g)                (Shazeer 2020)

private let root2OverPi: Float = 0.797_884_56
private let cubic: Float = 0.044715

/// Beyond ±10 the gate of GELU is 0 or 1 in fp32; cubes of larger numbers would only overflow.
@inline(__always) private func bounded(_ x: Vector) -> Vector {
  let y = x.replacing(with: 10, where: x .> 10)
  return y.replacing(with: -10, where: y .< -10)
}

@inline(__always) func tanhGELU(_ x: Vector) -> Vector {
  let z = bounded(x)
  let inner = (z * z * z * cubic + z) * root2OverPi
  // ½(1 + tanh a) = σ(2a)
  return x * sigmoid(inner + inner)
}

/// With e = exp(−2a) and s = σ(2a): y' = s + x · s(1 − s) · 2a'.
///
/// 1 − s is taken as e · s, which keeps its digits where s is close to 1; within the bounds e is finite.
@inline(__always) func tanhGELUSlope(_ x: Vector) -> Vector {
  let z = bounded(x)
  let square = z * z
  let inner = (z * square * cubic + z) * root2OverPi
  let e = exponential(-inner - inner)
  let s = 1 / (1 + e)
  let slope = (square * (3 * cubic) + 1) * (2 * root2OverPi)
  return s + z * s * (e * s) * slope
}

extension Engine {
  /// y = gelu(x), `count` elements.
  package func gelu(_ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>) {
    forEachStretch(count) { geluHere(x + $0.lowerBound, count: $0.count, into: y + $0.lowerBound) }
  }

  /// The same on the calling thread.
  package func geluHere(_ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>) {
    forEachVector(count) { $0.store(tanhGELU($0.load(x)), y) }
  }

  /// dx = gelu'(x) · dy, or dx += …
  package func geluBackward(
    _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, dx: UnsafeMutablePointer<Float>,
    adding: Bool
  ) {
    forEachStretch(count) { range in
      forEachVector(in: range) {
        $0.store(tanhGELUSlope($0.load(x)) * $0.load(dy), dx, adding: adding)
      }
    }
  }

  /// y [rows, columns] from x [rows, 2 · columns] = gate beside up.
  package func swiGLU(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into y: UnsafeMutablePointer<Float>
  ) {
    pool.run((rows + 7) / 8) { tile, _ in
      for row in tile * 8..<min((tile + 1) * 8, rows) {
        let gate = x + row * 2 * columns
        let up = gate + columns
        let yC = y + row * columns
        forEachVector(columns) {
          let g = $0.load(gate)
          $0.store(g * sigmoid(g) * $0.load(up), yC)
        }
      }
    }
  }

  /// dgate = dy · u · (s + g·s·(1 − s)), dup = dy · g·s, with s = σ(g); side by side in dx.
  package func swiGLUBackward(
    _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, rows: Int, columns: Int,
    dx: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    pool.run((rows + 7) / 8) { tile, _ in
      for row in tile * 8..<min((tile + 1) * 8, rows) {
        let gate = x + row * 2 * columns
        let up = gate + columns
        let dyC = dy + row * columns
        let dGate = dx + row * 2 * columns
        let dUp = dGate + columns
        forEachVector(columns) {
          let g = $0.load(gate)
          let s = sigmoid(g)
          let dyV = $0.load(dyC)
          $0.store(dyV * $0.load(up) * (s + g * s * (1 - s)), dGate, adding: adding)
          $0.store(dyV * g * s, dUp, adding: adding)
        }
      }
    }
  }
}
