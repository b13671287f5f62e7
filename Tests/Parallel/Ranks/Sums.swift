// The sum of gradients over real ranks against one rank's plain loop: random micro-batches, layouts, stages.
import Base
import Collectives
import Kernels
import Reference
import Sharding
import Tensors

/// One step's worth of random gradients, the same on every rank.
private struct RandomStep {
  let layout: ParameterLayout
  let stage: ZeroStage
  /// [micro-batch][line]
  let gradients: [[Float]]

  init(_ number: Int) {
    var draw = Draw(number, seed: 77)
    let specs = (0..<1 + draw.below(6)).map { index in
      ParameterSpec(
        name: "p\(index)", shape: [1 + draw.below([7, 2000, 9000][draw.below(3)])], decays: true,
        initial: .zeros, trains: index == 0 || draw.chance(0.8))
    }
    layout = ParameterLayout(specs: specs, bucketCount: 1024 * (1 + draw.below(8)))
    stage = ZeroStage.allCases[draw.below(ZeroStage.allCases.count)]
    let count = layout.trainedCount
    let sizes: [Float] = [1e-6, 1e-3, 1, 1, 1e3]
    gradients = (0..<1 + draw.below(17)).map { _ in
      let size = sizes[draw.below(sizes.count)]
      // One number is −0 in all of them, and so is their sum: zeros that were added would show.
      return [-0.0] + draw.floats(count - 1, scale: size)
    }
  }

  /// ((g0 + g1) + g2) + …, one number after the other.
  func sum(of order: some Swift.Sequence<Int>) -> [Float] {
    var sum: [Float] = []
    for index in order {
      if sum.isEmpty {
        sum = gradients[index]
      } else {
        for i in sum.indices { sum[i] += gradients[index][i] }
      }
    }
    return sum
  }

  func run(_ sum: GradientSum, ranks: Ranks) {
    sum.sum(microBatches: gradients.count) { number in
      for (index, segment) in layout.segments.enumerated() {
        let place = sum.gradients + segment.range.lowerBound
        gradients[number].withUnsafeBufferPointer {
          place.update(from: $0.baseAddress! + segment.range.lowerBound, count: segment.range.count)
        }
        sum.add(segment: index, place)
      }
    }
  }
}

/// Fails on any other order of additions, on a part that is lost or counted twice, and on added zeros (−0 + 0 is 0).
func checkSums(_ outcome: inout Outcome) throws {
  let ranks = outcome.ranks
  let engine = try Engine(threads: 1 + ranks.rank % 2)
  let alone = ranks.first(1)
  var orderMatters = 0
  for number in 0..<24 {
    let step = RandomStep(number)
    let want = step.sum(of: step.gradients.indices)
    let size = step.gradients.reduce(into: [Float](repeating: 0, count: want.count)) { size, gradient in
      for index in size.indices { size[index] += abs(gradient[index]) }
    }
    if !sameBits(want, step.sum(of: step.gradients.indices.reversed())) { orderMatters += 1 }
    let map = ShardMap(layout: step.layout, stage: step.stage, rank: ranks.rank, ranks: ranks.count)
    // Twice in the same memory: a step must not see what the one before it left.
    let sum = GradientSum(map: map, ranks: ranks, engine: engine, room: step.layout.trainedCount, ledger: nil)
    for pass in 1...2 {
      step.run(sum, ranks: ranks)
      let norm = sum.squaredNorm()
      sum.completeReplicas()
      var isSame = true
      for holding in map.held {
        let got = Array(
          UnsafeBufferPointer(start: sum.memory.base + holding.offset, count: holding.line.count))
        isSame = isSame && sameBits(got, Array(want[holding.line]))
      }
      outcome.expect(isSame, "step \(number), pass \(pass): the sum has other bits")
      // The norm of one rank, which all ranks get.
      var one = [0.0]
      if let alone {
        let map = ShardMap(layout: step.layout, stage: step.stage, rank: 0, ranks: 1)
        let single = GradientSum(
          map: map, ranks: alone, engine: engine, room: step.layout.trainedCount, ledger: nil)
        step.run(single, ranks: alone)
        one = [single.squaredNorm()]
      }
      let expected = ranks.gather(alone == nil ? [] : one).flatMap { $0 }[0]
      outcome.expect(norm.bitPattern == expected.bitPattern, "step \(number): the norm has other bits")
      let plain = want.reduce(0.0) { $0 + Double($1) * Double($1) }
      outcome.expect(abs(norm / plain - 1) <= 1e-12, "step \(number): the norm is \(norm), not \(plain)")
    }

    let free = GradientSum(
      map: map, ranks: ranks, engine: engine, room: step.layout.trainedCount, exact: false, ledger: nil)
    for pass in 1...2 {
      step.run(free, ranks: ranks)
      free.completeReplicas()
      var isClose = true
      for holding in map.held {
        for (offset, index) in holding.line.enumerated() {
          let bound = Float(step.gradients.count) * 1.2e-7 * size[index]
          isClose = isClose && abs(free.memory.base[holding.offset + offset] - want[index]) <= bound
        }
      }
      outcome.expect(isClose, "step \(number), pass \(pass): the inexact sum is off by more than rounding")
    }
  }
  outcome.expect(orderMatters >= 12, "only \(orderMatters) steps would show another order")
  alone?.finish()
}
