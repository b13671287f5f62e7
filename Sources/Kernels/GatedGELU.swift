// GeGLU: y = gelu(g) · u, of gate and up side by side (Shazeer 2020), with either form of GELU.

extension Engine {
  /// y [rows, columns] from x [rows, 2 · columns] = gate beside up, with the tanh form.
  package func geGLU(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into y: UnsafeMutablePointer<Float>
  ) { gate(x, rows: rows, columns: columns, into: y) { tanhGELU($0) } }

  package func geGLUBackward(
    _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, rows: Int, columns: Int,
    dx: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    gateBackward(x, dy: dy, rows: rows, columns: columns, dx: dx, adding: adding) {
      (tanhGELU($0), tanhGELUSlope($0))
    }
  }

  /// The same with the form that GELU is defined by.
  package func gaussianGeGLU(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into y: UnsafeMutablePointer<Float>
  ) { gate(x, rows: rows, columns: columns, into: y) { Kernels.gaussianGELU($0) } }

  package func gaussianGeGLUBackward(
    _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, rows: Int, columns: Int,
    dx: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    gateBackward(x, dy: dy, rows: rows, columns: columns, dx: dx, adding: adding) {
      (Kernels.gaussianGELU($0), gaussianGELUSlope($0))
    }
  }

  @inline(__always)
  private func gate(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into y: UnsafeMutablePointer<Float>,
    _ function: (Vector) -> Vector
  ) {
    pool.run((rows + 7) / 8) { tile, _ in
      for row in tile * 8..<min((tile + 1) * 8, rows) {
        let gate = x + row * 2 * columns
        let up = gate + columns
        let yC = y + row * columns
        forEachVector(columns) { $0.store(function($0.load(gate)) * $0.load(up), yC) }
      }
    }
  }

  /// dgate = dy · u · gelu'(g), dup = dy · gelu(g); side by side in dx.
  @inline(__always)
  private func gateBackward(
    _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, rows: Int, columns: Int,
    dx: UnsafeMutablePointer<Float>, adding: Bool, _ function: (Vector) -> (value: Vector, slope: Vector)
  ) {
    pool.run((rows + 7) / 8) { tile, _ in
      for row in tile * 8..<min((tile + 1) * 8, rows) {
        let gate = x + row * 2 * columns
        let up = gate + columns
        let dyC = dy + row * columns
        let dGate = dx + row * 2 * columns
        let dUp = dGate + columns
        forEachVector(columns) {
          let (value, slope) = function($0.load(gate))
          let dyV = $0.load(dyC)
          $0.store(dyV * $0.load(up) * slope, dGate, adding: adding)
          $0.store(dyV * value, dUp, adding: adding)
        }
      }
    }
  }
}
