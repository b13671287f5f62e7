// One answer of a policy to a prompt of the data, and what it earned.
import Base
import Objectives

struct PolicyAnswer {
  /// The sequence of the data whose prompt it answers.
  let prompt: Int
  /// With the token that ends it, if one does.
  let tokens: [Int32]
  let isWhole: Bool
  /// By the names of the recipe, in their order.
  var rewards: [Double] = []
  var reward = 0.0
  var advantage = 0.0
  /// For each token, in nats; nil where they are not needed.
  var old: [Float]?
  var reference: [Float]?
  /// Where other weights have drawn it, what each token counts.
  var corrections: [Float]?
  /// With a value head: what was expected of each token, and what followed from it.
  var values: [Float]?
  var estimates: TokenEstimates?

  init(prompt: Int, tokens: [Int32], isWhole: Bool) {
    (self.prompt, self.tokens, self.isWhole) = (prompt, tokens, isWhole)
  }

  /// How many of its tokens carry a loss.
  func targets(_ task: any PolicyTask) -> Int {
    (isWhole || !task.rollouts.masksCut) && task.learns(advantage: advantage) ? tokens.count : 0
  }
}

// In a checkpoint, so that a run goes on within the steps that answers are used in. Numbers keep their bits.
extension PolicyAnswer {
  var json: JSON {
    var members: [(String, JSON)] = [
      ("prompt", .integer(prompt)), ("tokens", .array(tokens.map { .integer(Int($0)) })),
      ("whole", .bool(isWhole)), ("rewards", .array(rewards.map(JSON.bits))), ("reward", .bits(reward)),
      ("advantage", .bits(advantage)),
    ]
    if let old { members.append(("old", .array(old.map { .integer(Int($0.bitPattern)) }))) }
    if let reference {
      members.append(("reference", .array(reference.map { .integer(Int($0.bitPattern)) })))
    }
    if let corrections {
      members.append(("corrections", .array(corrections.map { .integer(Int($0.bitPattern)) })))
    }
    if let values, let estimates {
      members += [
        ("values", .array(values.map { .integer(Int($0.bitPattern)) })),
        ("advantages", .array(estimates.advantages.map(JSON.bits))),
        ("earned", .array(estimates.earned.map(JSON.bits))),
      ]
    }
    return .object(members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }

  /// nil where something else stands there.
  init?(_ json: JSON) {
    func floats(_ key: String) -> [Float]? {
      json[key]?.elements?.compactMap {
        $0.integer.flatMap { UInt32(exactly: $0) }.map { Float(bitPattern: $0) }
      }
    }
    guard let prompt = json["prompt"]?.integer, let tokens = json["tokens"]?.elements?.compactMap(\.integer),
      tokens.allSatisfy({ Int32(exactly: $0) != nil }), let isWhole = json["whole"]?.bool,
      let rewards = json["rewards"]?.elements?.compactMap(\.bits), let reward = json["reward"]?.bits,
      let advantage = json["advantage"]?.bits
    else { return nil }
    self.init(prompt: prompt, tokens: tokens.map { Int32($0) }, isWhole: isWhole)
    (self.rewards, self.reward, self.advantage) = (rewards, reward, advantage)
    (old, reference, values) = (floats("old"), floats("reference"), floats("values"))
    corrections = floats("corrections")
    if values != nil {
      guard let advantages = json["advantages"]?.elements?.compactMap(\.bits),
        let earned = json["earned"]?.elements?.compactMap(\.bits),
        [values?.count, advantages.count, earned.count].allSatisfy({ $0 == tokens.count })
      else { return nil }
      estimates = TokenEstimates(advantages: advantages, earned: earned)
    }
    guard [old, reference, corrections].allSatisfy({ $0.map { $0.count == tokens.count } ?? true }) else {
      return nil
    }
  }
}

extension JSON {
  /// A number by its bits, as two whole numbers.
  fileprivate static func bits(_ value: Double) -> JSON {
    .array([.integer(Int(value.bitPattern >> 32)), .integer(Int(value.bitPattern & 0xFFFF_FFFF))])
  }

  fileprivate var bits: Double? {
    guard let halves = elements?.compactMap(\.integer), halves.count == 2,
      let high = UInt32(exactly: halves[0]), let low = UInt32(exactly: halves[1])
    else { return nil }
    return Double(bitPattern: UInt64(high) << 32 | UInt64(low))
  }
}
