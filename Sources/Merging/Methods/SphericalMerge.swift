// Interpolation of two models along the arc between them (Shoemake 1985), each tensor as one vector.
import Foundation

package struct SphericalMerge: MergeMethod {
  package let name = "slerp"
  package let parameters = [MergeParameter("t", .shared)]
  package let needsBase = true
  package let models = 2...2

  package init() {}

  /// Where vectors are nearly parallel, the arc is a line.
  private static let parallel = 0.9995

  package func merge(
    _ inputs: [MergeInput], _ shared: MergeValues, into result: UnsafeMutableBufferPointer<Float>
  ) {
    let base = inputs.first(where: \.isBase) ?? inputs[0]
    let other = inputs.first { !$0.isBase } ?? inputs[1]
    let (a, b, t) = (base.numbers, other.numbers, shared["t"])
    var (aa, bb, ab) = (0.0, 0.0, 0.0)
    for place in result.indices {
      let (x, y) = (Double(a[place]), Double(b[place]))
      aa += x * x
      bb += y * y
      ab += x * y
    }
    func length(_ squares: Double) -> Double { squares.squareRoot() > 1e-8 ? squares.squareRoot() : 1 }
    let cosine = min(max(ab / (length(aa) * length(bb)), -1), 1)
    var (ofBase, ofOther) = (1 - t, t)
    if abs(cosine) <= Self.parallel {
      let angle = acos(cosine)
      ofBase = sin((1 - t) * angle) / sin(angle)
      ofOther = sin(t * angle) / sin(angle)
    }
    for place in result.indices {
      result[place] = Float(ofBase * Double(a[place]) + ofOther * Double(b[place]))
    }
  }
}
