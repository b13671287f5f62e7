// The optimizer as a recipe describes it: its name, and the settings that it has.
import Base
import Optimizers

package struct OptimizerRecipe: Sendable {
  package var name: OptimizerName
  package var rule: any UpdateRule
  package var learningRate: Double
  /// That of the rule.
  package let weightDecay: Double
  /// 0 for none.
  package var gradientClip: Double
  /// A folder on the disk that holds states and master weights; nil for memory.
  package var offload: LocalFolder?
  /// Parameters with settings of their own; the first group that means a parameter counts.
  package var groups: [ParameterGroup]
  /// The rate of a layer as a share of that of the layer above it; nil for the same rate.
  package var layerDecay: Double?

  package init(_ section: Section) {
    name = section.choice("name", default: .adamw)
    // The defaults of the references; for AdamW, those of swiftdp with its learning rate.
    let usual: (rate: Double, decay: Double) =
      switch name {
      case .adamw, .adamw8bit: (3e-4, 0.01)
      case .sgd: (1e-3, 0)
      case .lion: (1e-4, 0)
      case .adafactor: (1e-2, 0)
      // torch's decay, with the rate of AdamW, whose steps Muon's are as large as.
      case .muon: (3e-4, 0.1)
      case .scheduleFree: (2.5e-3, 0)
      }
    learningRate = section.number("learning_rate", default: usual.rate, in: 0...1e3)
    let weightDecay = section.number("weight_decay", default: usual.decay, in: 0...1e3)
    self.weightDecay = weightDecay
    func beta(_ key: String, _ fallback: Double) -> Double {
      section.number(key, default: fallback, in: 0...0.9999999)
    }
    func adamW(beta2: Double = 0.999) -> AdamW {
      AdamW(
        beta1: beta("beta1", 0.9), beta2: beta("beta2", beta2),
        epsilon: section.number("epsilon", default: 1e-8, in: 0...1), weightDecay: weightDecay)
    }
    switch name {
    case .adamw: rule = adamW()
    case .adamw8bit: rule = AdamW8bit(adamW())
    case .lion: rule = Lion(beta1: beta("beta1", 0.9), beta2: beta("beta2", 0.99), weightDecay: weightDecay)
    case .sgd:
      let momentum = beta("momentum", 0)
      var nesterov = section.bool("nesterov", default: false)
      if nesterov, momentum == 0 {
        section.fail("nesterov", "is true without a momentum", hint: "set \(section.keyPath("momentum"))=0.9")
        nesterov = false
      }
      rule = SGD(momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
    case .adafactor:
      rule = Adafactor(
        beta2Decay: section.number("beta2_decay", default: -0.8, in: -10...0),
        epsilon1: section.number("epsilon1", default: 0x1p-23, in: 1e-18...1),
        epsilon2: section.number("epsilon2", default: 1e-3, in: 0...1),
        clipThreshold: section.number("clip_threshold", default: 1, in: 1...1e12), weightDecay: weightDecay)
    case .muon:
      rule = Muon(
        momentum: beta("momentum", 0.95), nesterov: section.bool("nesterov", default: true),
        iteration: NewtonSchulz(steps: section.integer("ns_steps", default: 5, in: 1...99)),
        adjustment: section.choice("adjust_lr", default: .matchAdamW), others: adamW(beta2: 0.95))
    case .scheduleFree:
      rule = ScheduleFree(
        beta1: section.number("beta1", default: 0.9, in: 1e-3...0.9999999), beta2: beta("beta2", 0.999),
        epsilon: section.number("epsilon", default: 1e-8, in: 0...1), weightDecay: weightDecay,
        power: section.number("r", default: 0, in: 0...100),
        ratePower: section.number("weight_lr_power", default: 2, in: 0...100))
    }
    gradientClip = section.number("gradient_clip", default: 1, in: 0...1e12)
    if section.has("offload") { offload = section.localFolder("offload") }
    groups = section.sectionList("groups").map(ParameterGroup.init)
    if section.has("layer_decay") {
      layerDecay = section.number("layer_decay", default: 1, in: 0.01...1)
    }
    if learningRate == 0, groups.contains(where: { $0.learningRate != nil }) {
      section.fail("learning_rate", "is 0, and groups have rates of their own, which follow its schedule")
    }
    refuseSettingsOfOthers(section)
  }

  /// Reports keys that only other optimizers have; keys that no optimizer has are reported elsewhere.
  private func refuseSettingsOfOthers(_ section: Section) {
    let own = Set(name.settings)
    for key in Set(OptimizerName.allCases.flatMap(\.settings)).subtracting(own).sorted()
    where section.has(key) {
      let others = OptimizerName.allCases.filter { $0.settings.contains(key) }.map(\.rawValue)
      section.fail(
        key, "is a setting of \(others.joined(separator: " and ")), and optimizer.name is \(name.rawValue)",
        hint: "the settings of \(name.rawValue) are \(name.settings.joined(separator: ", "))")
      section.record(key, section.raw(key) ?? .null)
    }
  }
}

extension OptimizerName {
  /// The keys that an optimizer reads, with the common ones first.
  fileprivate var settings: [String] {
    let common = ["learning_rate", "weight_decay", "gradient_clip"]
    return switch self {
    case .adamw, .adamw8bit: common + ["beta1", "beta2", "epsilon"]
    case .sgd: common + ["momentum", "nesterov"]
    case .lion: common + ["beta1", "beta2"]
    case .adafactor: common + ["beta2_decay", "epsilon1", "epsilon2", "clip_threshold"]
    case .muon: common + ["momentum", "nesterov", "ns_steps", "adjust_lr", "beta1", "beta2", "epsilon"]
    case .scheduleFree: common + ["beta1", "beta2", "epsilon", "r", "weight_lr_power"]
    }
  }
}
