// Answers that a student writes itself and learns from its teacher (Agarwal et al. 2024, as GKDTrainer of TRL).
import Base

package struct OnPolicy: Sendable {
  /// The share of steps that begin with answers of the student.
  package let share: Double
  /// The most tokens of an answer.
  package let longest: Int
  /// Of the draw of tokens; 0 to take the likeliest.
  package let temperature: Double

  /// `on_policy`: a share, or a mapping; nil where it is not given.
  init?(_ section: Section) {
    guard let given = section.raw("on_policy") else { return nil }
    let own = given.members == nil ? nil : section.section("on_policy")
    share =
      own?.number("share", default: 0.5, in: 0...1) ?? section.number("on_policy", default: 0.5, in: 0...1)
    longest = own?.integer("max_new_tokens", default: 128, in: 1...1 << 16) ?? 128
    temperature = own?.number("temperature", default: 0.9, in: 0...100) ?? 0.9
  }

  var settings: JSON {
    .object([
      "share": .number(share), "max_new_tokens": .integer(longest), "temperature": .number(temperature),
    ])
  }
}
