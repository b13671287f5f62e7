// Holds trained weights near those that a run begins with: elastic weight consolidation (Kirkpatrick et al. 2017) and
// L2-SP (Li et al. 2018):
//
//   λ / 2 · Σ F (w − w₀)²  and  μ / 2 · Σ (w − w₀)²
//
// Each rank adds the gradients λ F (w − w₀) + μ (w − w₀) to the slices of the summed gradient that it owns.
import Base
import Kernels
import Tensors

package final class WeightAnchor {
  /// The two penalties of a step; nil where there is none of the kind.
  package struct Penalties: Sendable {
    package var elastic: Double?
    package var distance: Double?
  }

  private let map: ShardMap
  private let engine: Engine
  /// λ and μ.
  private let elasticity: Float
  private let distance: Float
  /// w₀ and F of the slices that this rank owns, one after the other.
  private let starts: FlatMemory
  private let importance: FlatMemory?
  /// Where the slice of each bucket begins there.
  private let places: [Int]
  /// For each grain of this rank's slices, Σ F (w − w₀)², and Σ (w − w₀)².
  private var elasticSums: [Double]
  private var distanceSums: [Double]

  /// - Parameters:
  ///   - elasticity: λ; 0 for none.
  ///   - distance: μ; 0 for none.
  ///   - reader: gives w₀ of all trained parameters.
  package init(
    map: ShardMap, elasticity: Double, distance: Double, from reader: any WeightReader, engine: Engine,
    ledger: MemoryLedger?
  ) throws {
    (self.map, self.engine) = (map, engine)
    (self.elasticity, self.distance) = (Float(elasticity), Float(distance))
    var places: [Int] = []
    var (end, grains) = (0, 0)
    for slices in map.slices {
      places.append(end)
      end += slices[map.rank].count
      grains += (slices[map.rank].count + ParameterLayout.grain - 1) / ParameterLayout.grain
    }
    self.places = places
    starts = FlatMemory(count: end, label: "first weights", ledger: ledger)
    importance = elasticity > 0 ? FlatMemory(count: end, label: "importance of weights", ledger: ledger) : nil
    // One more, so that there is an address if the rank owns nothing.
    elasticSums = [Double](repeating: 0, count: grains + 1)
    distanceSums = elasticSums
    for (bucket, slices) in map.slices.enumerated() where !slices[map.rank].isEmpty {
      let slice = slices[map.rank]
      let base = starts.base + places[bucket]
      try reader.read(slice, of: map.layout, on: engine.pool.runTiles) { part, fill in
        try fill(base + part.lowerBound - slice.lowerBound)
      }
    }
  }

  /// The numbers that a rank with so many of its own keeps.
  package static func count(owned: Int, elasticity: Double) -> Int { elasticity > 0 ? 2 * owned : owned }

  /// Takes F: the summed gradient, which holds squares, divided by their number.
  package func takeImportance(_ sums: GradientSum, samples: Int) {
    guard let importance else { return }
    sums.change { bucket, slice, sum in
      let target = importance.base + places[bucket]
      let factor = 1 / Float(max(samples, 1))
      for index in 0..<slice.count { target[index] = sum[index] * factor }
      return false
    }
  }

  /// Adds the gradients to those of a step that is done. Collective.
  /// - Parameter weights: gives the fp32 weights of a bucket's slice.
  /// - Returns: the penalties of the weights as they are, the same on every rank.
  package func pull(
    _ gradients: GradientSum, weights: (_ bucket: Int, _ slice: Range<Int>) -> UnsafePointer<Float>
  ) -> Penalties {
    var first = 0
    gradients.change { bucket, slice, sum in
      let w = weights(bucket, slice)
      let start = UnsafePointer(starts.base + places[bucket])
      let f = importance.map { UnsafePointer($0.base + places[bucket]) }
      let grains = (slice.count + ParameterLayout.grain - 1) / ParameterLayout.grain
      elasticSums.withUnsafeMutableBufferPointer { elasticSums in
        distanceSums.withUnsafeMutableBufferPointer { distanceSums in
          let elastic = elasticSums.baseAddress! + first
          let plain = distanceSums.baseAddress! + first
          engine.pool.run(grains) { grain, _ in
            let begin = grain * ParameterLayout.grain
            (elastic[grain], plain[grain]) = pull(
              w + begin, start + begin, f.map { $0 + begin }, sum + begin,
              count: min(ParameterLayout.grain, slice.count - begin))
          }
        }
      }
      first += grains
      return true
    }
    var penalties = Penalties()
    if importance != nil {
      penalties.elastic =
        Double(elasticity) / 2 * elasticSums.withUnsafeBufferPointer { gradients.total(ofGrains: $0) }
    }
    if distance > 0 {
      penalties.distance =
        Double(distance) / 2 * distanceSums.withUnsafeBufferPointer { gradients.total(ofGrains: $0) }
    }
    return penalties
  }

  /// One grain: Σ F (w − w₀)² and Σ (w − w₀)², eight numbers side by side.
  private func pull(
    _ w: UnsafePointer<Float>, _ start: UnsafePointer<Float>, _ f: UnsafePointer<Float>?,
    _ gradient: UnsafeMutablePointer<Float>, count: Int
  ) -> (elastic: Double, distance: Double) {
    var (elastic, plain) = (SIMD8<Double>(), SIMD8<Double>())
    let whole = count / 8 * 8
    func load(_ x: UnsafePointer<Float>, _ index: Int) -> SIMD8<Float> {
      UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float>.self)
    }
    for index in stride(from: 0, to: whole, by: 8) {
      let d = load(w, index) - load(start, index)
      let dD = SIMD8<Double>(d)
      var pull = d * distance
      plain += dD * dD
      if let f {
        let fN = load(f, index)
        pull += d * fN * elasticity
        elastic += dD * dD * SIMD8<Double>(fN)
      }
      UnsafeMutableRawPointer(gradient + index).storeBytes(
        of: load(UnsafePointer(gradient), index) + pull, as: SIMD8<Float>.self)
    }
    var sums = (elastic: elastic.sum(), distance: plain.sum())
    for index in whole..<count {
      let d = w[index] - start[index]
      sums.distance += Double(d) * Double(d)
      gradient[index] += d * distance
      if let f {
        sums.elastic += Double(d) * Double(d) * Double(f[index])
        gradient[index] += d * f[index] * elasticity
      }
    }
    return sums
  }
}
