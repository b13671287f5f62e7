// Low-rank terms where a test wants them.
import Graph
import Reference

struct TestAdaptation: Adaptation {
  /// By the name of a projection.
  var terms: @Sendable (String) -> LowRank?
  /// Which parameters of the model itself are trained.
  var trained: @Sendable (String) -> Bool = { _ in false }
  /// By the name of a projection.
  var gains: @Sendable (String) -> Gain? = { _ in nil }

  var prompt: Prompt?

  func trains(_ parameter: String) -> Bool { trained(parameter) }

  func gain(at projection: String) -> Gain? { gains(projection) }

  func lowRank(at projection: String, inputs: Int, outputs: Int) -> LowRank? { terms(projection) }
}

extension TestAdaptation {
  /// The same term at every projection.
  static func everywhere(
    rank: Int = 3, dropout: Double = 0, magnitude: Bool = false, trainsA: Bool = true, values: Bool = false,
    trained: @escaping @Sendable (String) -> Bool = { _ in false }
  ) -> TestAdaptation {
    TestAdaptation(
      terms: { _ in
        LowRank(
          rank: rank, scale: 1.75, dropout: dropout, hasMagnitude: magnitude, trainsA: trainsA,
          hasValues: values)
      },
      trained: trained)
  }

  /// Terms of any rank at some projections of a random sketch, and some parameters of its own trained.
  static func random(_ number: Int) -> TestAdaptation {
    @Sendable func draw(_ name: String) -> Draw {
      Draw(6000 + number, seed: name.utf8.reduce(7 as UInt64) { $0 &* 31 &+ UInt64($1) })
    }
    @Sendable func isTrained(_ name: String) -> Bool {
      var draw = draw(name)
      // At least one parameter that every sketch has.
      return name == "last.weight" || draw.chance(0.2)
    }
    return TestAdaptation(
      terms: { name in
        var draw = draw(name)
        guard draw.chance(0.6) else { return nil }
        let (rank, scale) = (1 + draw.below(5), Float(1 + draw.below(4)) / 2)
        let dropout = draw.chance(0.5) ? 0.3 : 0
        let hasMagnitude = draw.chance(0.4) && !isTrained(name + ".weight")
        let trainsA = draw.chance(0.8)
        return LowRank(
          rank: rank, scale: scale, dropout: dropout, hasMagnitude: hasMagnitude, trainsA: trainsA,
          hasValues: !hasMagnitude && draw.chance(0.4))
      }, trained: isTrained,
      gains: { name in
        var draw = draw(name + "/gain")
        return draw.chance(0.6) ? nil : draw.chance(0.5) ? .inputs : .outputs
      })
  }
}
