// One step of a long short-term memory (Hochreiter and Schmidhuber 1997), as torch computes it, of H units:
//   i, f, o = σ(a_i, a_f, a_o),  g = tanh(a_g),  c = f ∘ c′ + i ∘ g,  h = o ∘ tanh(c)
// with the sums a = [a_i, a_f, a_g, a_o] of 4H numbers and the cells c′ of the step before.

extension Engine {
  /// - Parameters:
  ///   - sums: [4H], replaced by the gates i, f, g, o.
  ///   - before: the cells of the step before; nil at the first step, where they are zeros.
  package func lstmStep(
    _ sums: UnsafeMutablePointer<Float>, before: UnsafePointer<Float>?, units: Int,
    cells: UnsafeMutablePointer<Float>, into h: UnsafeMutablePointer<Float>
  ) {
    let (i, f, g, o) = (sums, sums + units, sums + 2 * units, sums + 3 * units)
    forEachVector(units) {
      let (iV, fV) = (sigmoid($0.load(i)), sigmoid($0.load(f)))
      let (gV, oV) = (hyperbolicTangent($0.load(g)), sigmoid($0.load(o)))
      var cV = iV * gV
      if let before { cV = cV.adding(fV, times: $0.load(before)) }
      $0.store(iV, i)
      $0.store(fV, f)
      $0.store(gV, g)
      $0.store(oV, o)
      $0.store(cV, cells)
      $0.store(oV * hyperbolicTangent(cV), h)
    }
  }

  /// - Parameters:
  ///   - gates: [4H] of the step.
  ///   - cells: of the step; `before`: of the step before, or nil.
  ///   - dh: the gradient of h.
  ///   - dCells: that of the cells from the step behind, which becomes that for the step before.
  ///   - dSums: [4H]
  package func lstmStepBackward(
    gates: UnsafePointer<Float>, cells: UnsafePointer<Float>, before: UnsafePointer<Float>?, units: Int,
    dh: UnsafePointer<Float>, dCells: UnsafeMutablePointer<Float>, dSums: UnsafeMutablePointer<Float>
  ) {
    let (i, f, g, o) = (gates, gates + units, gates + 2 * units, gates + 3 * units)
    forEachVector(units) { lanes in
      let (iV, fV, gV, oV) = (lanes.load(i), lanes.load(f), lanes.load(g), lanes.load(o))
      let (dhV, tV) = (lanes.load(dh), hyperbolicTangent(lanes.load(cells)))
      let dcV = lanes.load(dCells) + dhV * oV * (1 - tV * tV)
      let beforeV = before.map { lanes.load($0) } ?? Vector()
      lanes.store(dcV * gV * iV * (1 - iV), dSums)
      lanes.store(dcV * beforeV * fV * (1 - fV), dSums + units)
      lanes.store(dcV * iV * (1 - gV * gV), dSums + 2 * units)
      lanes.store(dhV * tV * oV * (1 - oV), dSums + 3 * units)
      lanes.store(dcV * fV, dCells)
    }
  }
}
