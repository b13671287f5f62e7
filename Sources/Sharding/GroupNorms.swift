// The norms of groups of parameters, such as those of each of several adapters, and what each group is scaled by.
import Kernels
import Tensors

extension GradientSum {
  /// The sums of squares of a step that is done, of each group: each grain's part of a group, added in the order of the
  /// line, so that they do not depend on who owns what. Collective.
  /// - Parameter groups: of each parameter of the layout.
  package func squaredNorms(ofGroups groups: [Int], count: Int) -> [Double] {
    var sums = [[Double]](repeating: [], count: count)
    for (bucket, slices) in map.slices.enumerated() {
      let slice = slices[map.rank]
      let base = memory.base + map.place(ofBucket: bucket)
      for start in stride(from: slice.lowerBound, to: slice.upperBound, by: ParameterLayout.grain) {
        let grain = start..<min(start + ParameterLayout.grain, slice.upperBound)
        for group in 0..<count { sums[group].append(0) }
        forEachPiece(of: grain, groups) { group, range in
          sums[group][sums[group].count - 1] += sumOfSquares(
            base + range.lowerBound - slice.lowerBound, count: range.count)
        }
      }
    }
    return sums.map { sums in
      // One more, so that there is an address if the rank owns nothing.
      (sums + [0]).withUnsafeBufferPointer { total(ofGrains: UnsafeBufferPointer(rebasing: $0.dropLast())) }
    }
  }

  /// Multiplies the gradients of each group.
  /// - Parameters:
  ///   - groups: of each parameter of the layout.
  ///   - factors: of each group.
  package func scale(byGroup groups: [Int], factors: [Float]) {
    guard factors.contains(where: { $0 != 1 }) else { return }
    change { _, slice, target in
      forEachPiece(of: slice, groups) { group, range in
        let start = target + range.lowerBound - slice.lowerBound
        engine.scale(start, count: range.count, by: factors[group], into: start)
      }
      return true
    }
  }

  private func forEachPiece(
    of range: Range<Int>, _ groups: [Int], _ body: (_ group: Int, _ range: Range<Int>) -> Void
  ) {
    for (parameter, piece) in map.layout.pieces(of: range) {
      guard let index = map.layout.index(of: parameter.spec.name) else { continue }
      body(groups[index], piece)
    }
  }
}
