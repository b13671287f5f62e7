// Averages of weights in the section `keep` of a recipe, and the way on which replay's share moves.
import Base

/// The moving average of weights that a run measures and keeps.
package struct MovingAverage: Sendable {
  package var decay: Double
  /// Whether the decay begins low.
  package var warmsUp = false

  /// `ema`: a decay, or a mapping; nil where it is not given.
  init?(_ section: Section) {
    guard let given = section.raw("ema") else { return nil }
    guard given.members != nil else {
      decay = section.number("ema", default: 0.999, in: 0...0.9999999)
      return
    }
    let own = section.section("ema")
    decay = own.number("decay", default: 0.999, in: 0...0.9999999)
    warmsUp = own.bool("warmup", default: false)
  }

  var settings: JSON { .object(["decay": .number(decay), "warmup": .bool(warmsUp)]) }
}

/// `gradual`: shares of replay that move as a run goes on.
package struct GradualReplay: Sendable {
  package var from: Double
  package var to: Double
  /// Steps on the way.
  package var steps: Int

  /// nil where it is not given.
  init?(_ section: Section) {
    guard section.has("gradual") else { return nil }
    let own = section.section("gradual")
    from = own.number("from", default: 0.9, in: 1e-3...0.99)
    to = own.number("to", default: 0.2, in: 1e-3...0.99)
    steps = own.integer("steps", in: 1...1 << 32)
    if !section.has("replay") {
      section.fail("gradual", "is how the share of replay moves, and there is none", hint: "give keep.replay")
    } else if section.section("replay").has("share") {
      section.fail("gradual", "is given beside replay.share", hint: "leave one of them out")
    }
  }
}
