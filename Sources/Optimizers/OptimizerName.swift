// The optimizers that a recipe can name.

package enum OptimizerName: String, CaseIterable, Sendable {
  case adamw
  case sgd
  case lion
  case adafactor
  case adamw8bit
  case muon
  case scheduleFree = "schedule_free"

  /// Every state that the rule may have, whatever its settings.
  package var states: [OptimizerState] {
    switch self {
    case .adamw: AdamW().states
    case .sgd: SGD(momentum: 1).states
    case .lion: Lion().states
    case .adafactor: Adafactor().states
    case .adamw8bit: AdamW8bit().states
    case .muon: Muon().states
    case .scheduleFree: ScheduleFree().states
    }
  }
}
