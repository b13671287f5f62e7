// The settings of a policy's loss, by TRL's names.
import Base
import Graph

package struct PolicyLossForm: Sendable {
  private let loss: PolicyLoss
  /// The weight of the distance to the reference; 0 for no reference.
  package var beta: Double { loss.beta }

  /// - Parameters:
  ///   - beta: by default.
  ///   - isOfAnswers: whether whole answers are actions.
  init(_ section: Section, beta usual: Double, ofAnswers isOfAnswers: Bool = false) {
    let low = section.number("epsilon", default: 0.2, in: 0...1)
    let high = section.has("epsilon_high") ? section.number("epsilon_high", in: 0...1000) : low
    let beta = section.number("beta", default: usual, in: 0...1000)
    guard !isOfAnswers else {
      loss = PolicyLoss(level: .answer, low: low, high: high, beta: beta)
      return
    }
    let level: PolicyLoss.Level = section.choice("importance_sampling_level", default: .token)
    if level != .token, level != .sequence {
      section.fail(
        "importance_sampling_level", "is \(level.rawValue.quoted), but must be one of token, sequence")
    }
    loss = PolicyLoss(
      level: level, low: low, high: high,
      delta: section.has("delta") ? section.number("delta", in: 1...1e6) : nil, beta: beta,
      correctsDistance: section.bool("use_bias_correction_kl", default: true))
  }

  /// That of answers which are learned as they are.
  static let likelihood = PolicyLossForm(loss: PolicyLoss(level: .likelihood))
  init(loss: PolicyLoss) { self.loss = loss }

  /// - Parameter temperature: at which answers are drawn.
  package func loss(at temperature: Double) -> PolicyLoss {
    var loss = loss
    loss.temperature = Float(temperature)
    return loss
  }

  var json: [(String, JSON)] {
    var members: [(String, JSON)] = [
      ("epsilon", .number(loss.low)), ("epsilon_high", .number(loss.high)), ("beta", .number(beta)),
    ]
    if loss.level != .answer {
      members += [
        ("importance_sampling_level", .string(loss.level.rawValue)),
        ("use_bias_correction_kl", .bool(loss.correctsDistance)),
      ]
    }
    if let delta = loss.delta { members.append(("delta", .number(delta))) }
    return members
  }
}
